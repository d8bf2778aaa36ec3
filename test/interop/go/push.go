package main

import (
	"bufio"
	"context"
	"os"
	"strings"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// A concurrent push consumer; ends when it reads a line (or the end) from stdin.
func push(o options) error {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{o["namesrv"]}),
		consumer.WithGroupName(o["group"]),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		return err
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: o.text("tags", "*")}
	for _, topic := range strings.Split(o["topics"], ",") {
		if err := c.Subscribe(topic, selector, consumed); err != nil {
			return err
		}
	}
	if err := c.Start(); err != nil {
		return err
	}
	emit(event{"event": "started"})
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := c.Shutdown(); err != nil {
		return err
	}
	emit(event{"event": "stopped"})
	return nil
}

func consumed(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	for _, m := range messages {
		e := described("received", &m.Message)
		e["queueId"] = m.Queue.QueueId
		e["offset"] = m.QueueOffset
		e["msgId"] = m.MsgId
		e["offsetMsgId"] = m.OffsetMsgId
		e["reconsumeTimes"] = m.ReconsumeTimes
		e["storeSize"] = m.StoreSize
		e["storeHost"] = m.StoreHost
		emit(e)
	}
	return consumer.ConsumeSuccess, nil
}
