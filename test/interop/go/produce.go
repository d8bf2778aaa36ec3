package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const batchSize = 10

func produce(o options) error {
	p, err := rocketmq.NewProducer(
		producer.WithNameServer(primitive.NamesrvAddr{o["namesrv"]}),
		producer.WithGroupName(o.text("group", "interop-go-producer")),
		producer.WithRetry(2),
	)
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	for _, mode := range strings.Split(o["modes"], ",") {
		topic := o["topic"] + "-" + mode
		if o["plain-topic"] == "true" {
			topic = o["topic"]
		}
		if err := send(p, mode, topic, o); err != nil {
			return err
		}
	}
	if err := p.Shutdown(); err != nil {
		return err
	}
	emit(event{"event": "done"})
	return nil
}

func send(p rocketmq.Producer, mode, topic string, o options) error {
	from := o.number("from", 0)
	to := from + o.number("count", 1)
	ctx := context.Background()
	switch mode {
	case "sync":
		for index := from; index < to; index++ {
			m := message(topic, index, o)
			result, err := p.SendSync(ctx, m)
			report(m, result, err)
		}
	case "async":
		var open sync.WaitGroup
		for index := from; index < to; index++ {
			m := message(topic, index, o)
			open.Add(1)
			err := p.SendAsync(ctx, func(_ context.Context, result *primitive.SendResult, err error) {
				report(m, result, err)
				open.Done()
			}, m)
			if err != nil {
				report(m, nil, err)
				open.Done()
			}
		}
		open.Wait()
	case "oneway":
		for index := from; index < to; index++ {
			m := message(topic, index, o)
			if err := p.SendOneWay(ctx, m); err != nil {
				return err
			}
			emit(described("sent", m))
		}
		// A request with an answer on the same connection: when it is answered, the broker has read what was written before it.
		_, err := p.SendSync(ctx, primitive.NewMessage(topic+"-after", []byte("after")))
		return err
	case "batch":
		for start := from; start < to; start += batchSize {
			var batch []*primitive.Message
			for index := start; index < start+batchSize && index < to; index++ {
				batch = append(batch, message(topic, index, o))
			}
			result, err := p.SendSync(ctx, batch...)
			for item, m := range batch {
				e := described("sent", m)
				if err == nil {
					e["status"] = "SEND_OK"
					e["queueId"] = result.MessageQueue.QueueId
					e["offset"] = result.QueueOffset + int64(item)
				} else {
					e["event"] = "refused"
					e["message"] = err.Error()
				}
				emit(e)
			}
		}
	default:
		return fmt.Errorf("unknown mode %q", mode)
	}
	return nil
}

func report(m *primitive.Message, result *primitive.SendResult, err error) {
	if err != nil {
		emit(event{"event": "refused", "topic": m.Topic, "message": err.Error()})
		return
	}
	e := described("sent", m)
	status := "SEND_OK"
	if result.Status != primitive.SendOK {
		status = fmt.Sprintf("status %d", result.Status)
	}
	e["status"] = status
	e["queueId"] = result.MessageQueue.QueueId
	e["offset"] = result.QueueOffset
	e["msgId"] = result.MsgID
	e["offsetMsgId"] = result.OffsetMsgID
	emit(e)
}

func message(topic string, index int, o options) *primitive.Message {
	tags := strings.Split(o.text("tags", "A,B,C"), ",")
	body := make([]byte, o.number("size", 100))
	for at := range body {
		body[at] = byte('a' + (index+at*at/7)%16)
	}
	m := primitive.NewMessage(topic, body)
	m.WithTag(tags[index%len(tags)])
	m.WithKeys([]string{fmt.Sprintf("key-%d", index), fmt.Sprintf("second-%d", index)})
	m.WithProperty("index", strconv.Itoa(index))
	m.WithProperty("userText", fmt.Sprintf("grüße 你好 🎉 %d", index))
	m.WithProperty("user-été", "= \"{}\" | & % \t\\")
	m.Flag = int32(index)
	return m
}

// The part of a message that has to arrive as it was sent.
func described(name string, m *primitive.Message) event {
	index, _ := strconv.Atoi(m.GetProperty("index"))
	mine := map[string]string{}
	for key, value := range m.GetProperties() {
		if strings.HasPrefix(key, "user") {
			mine[key] = value
		}
	}
	return event{
		"event": name, "topic": m.Topic, "index": index, "tag": m.GetTags(), "keys": strings.TrimSpace(m.GetKeys()), "flag": m.Flag,
		"length": len(m.Body), "crc": crc32.ChecksumIEEE(m.Body), "properties": mine,
	}
}
