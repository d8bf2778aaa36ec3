package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	recordedWithin = 30 * time.Second
	lookEvery      = 5 * time.Millisecond
)

// A concurrent push consumer; ends when it reads a line (or the end) from stdin.
func push(o options) error {
	c, err := consumer.NewPushConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{o["namesrv"]}),
		consumer.WithGroupName(o["group"]),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		return err
	}
	printed := &printedOffsets{next: map[primitive.MessageQueue]int64{}}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: o.text("tags", "*")}
	for _, topic := range strings.Split(o["topics"], ",") {
		if err := c.Subscribe(topic, selector, printed.consumed); err != nil {
			return err
		}
	}
	if err := c.Start(); err != nil {
		return err
	}
	emit(event{"event": "started"})
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	// A shutdown commits what is recorded and waits for no listener: what these have just printed would not be committed.
	c.Suspend()
	areRecorded := func() bool {
		for queue, info := range c.GetConsumerRunningInfo(false).MQTable {
			if next, any := printed.nextOf(queue); any && info.CommitOffset < next {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(recordedWithin); !areRecorded(); time.Sleep(lookEvery) {
		if time.Now().After(deadline) {
			return errors.New("offsets of printed messages are not recorded")
		}
	}
	if err := c.Shutdown(); err != nil {
		return err
	}
	emit(event{"event": "stopped"})
	return nil
}

// Where each queue goes on behind what was printed of it.
type printedOffsets struct {
	lock sync.Mutex
	next map[primitive.MessageQueue]int64
}

func (p *printedOffsets) consumed(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	for _, m := range messages {
		e := described("received", &m.Message)
		e["queueId"] = m.Queue.QueueId
		e["offset"] = m.QueueOffset
		e["msgId"] = m.MsgId
		e["offsetMsgId"] = m.OffsetMsgId
		e["reconsumeTimes"] = m.ReconsumeTimes
		e["storeSize"] = m.StoreSize
		e["storeHost"] = m.StoreHost
		p.add(*m.Queue, m.QueueOffset)
		emit(e)
	}
	return consumer.ConsumeSuccess, nil
}

func (p *printedOffsets) add(queue primitive.MessageQueue, offset int64) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if offset >= p.next[queue] {
		p.next[queue] = offset + 1
	}
}

// False: nothing of the queue was printed.
func (p *printedOffsets) nextOf(queue primitive.MessageQueue) (next int64, any bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	next, any = p.next[queue]
	return next, any
}
