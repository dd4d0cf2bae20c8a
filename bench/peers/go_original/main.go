// The original program's design, on today's client: what a user of it would leave, and no slower than it has to be.
//
// One goroutine reads one message, unmarshals it with encoding/json, produces it to the topic of its namespace, and
// reads the next one. Offsets are stored by the client when a message is read and committed in the background, whether
// or not it was delivered; a second goroutine takes the delivery reports and only logs what failed. What would keep
// the original from arriving at all is repaired, as far as the comparison counts: it waited for nothing when the
// client's queue was full, dropped the key, and closed without a flush.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const (
	// The original said 15000, which is 15 us: five seconds of latency and an error in the log each time.
	readTimeout  = 200 * time.Millisecond
	queueFull    = time.Millisecond
	flushTimeout = 15_000 // ms
)

// envelope is what Eventrouter writes, as far as it is looked at. encoding/json reads the rest of it all the same.
type envelope struct {
	Event struct {
		Metadata struct {
			Namespace string `json:"namespace"`
		} `json:"metadata"`
	} `json:"event"`
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "bootstrap brokers, separated by commas")
	topic := flag.String("topic", "cluster-events", "source topic")
	group := flag.String("group", "go-original", "consumer group")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	consumer, err := kafka.NewConsumer(&kafka.ConfigMap{
		"bootstrap.servers":       *brokers,
		"group.id":                *group,
		"auto.offset.reset":       "earliest",
		"auto.commit.interval.ms": 1_000, // as often as ours
	})
	if err != nil {
		log.Fatal(err)
	}
	producer, err := kafka.NewProducer(&kafka.ConfigMap{"bootstrap.servers": *brokers})
	if err != nil {
		log.Fatal(err)
	}
	if err := consumer.Subscribe(*topic, nil); err != nil {
		log.Fatal(err)
	}
	go logFailures(producer)
	if err := route(ctx, consumer, producer); err != nil {
		log.Fatal(err)
	}
	if left := producer.Flush(flushTimeout); left > 0 {
		log.Fatalf("%d messages are not delivered", left)
	}
	// What was read is committed here. Left to Close alone, it would be more than that: Close polls until the client has
	// closed, throws away the messages that it gets, and their offsets are stored and committed like any other's.
	if err := consumer.Unassign(); err != nil {
		log.Fatal(err)
	}
	if err := consumer.Close(); err != nil {
		log.Fatal(err)
	}
	producer.Close()
}

// route reads one, produces one, until ctx ends.
func route(ctx context.Context, consumer *kafka.Consumer, producer *kafka.Producer) error {
	for ctx.Err() == nil {
		in, err := consumer.ReadMessage(readTimeout)
		if err != nil {
			if isCode(err, kafka.ErrTimedOut) {
				continue
			}
			return err
		}
		var record envelope
		if err := json.Unmarshal(in.Value, &record); err != nil {
			return fmt.Errorf("%v: %w", in.TopicPartition, err)
		}
		out := &kafka.Message{
			TopicPartition: kafka.TopicPartition{
				Topic:     &record.Event.Metadata.Namespace,
				Partition: kafka.PartitionAny,
			},
			Key:       in.Key,
			Value:     in.Value,
			Headers:   in.Headers,
			Timestamp: in.Timestamp,
		}
		for err = producer.Produce(out, nil); isCode(err, kafka.ErrQueueFull); err = producer.Produce(out, nil) {
			time.Sleep(queueFull)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", in.TopicPartition, err)
		}
	}
	return nil
}

// logFailures takes the delivery reports, which have to be taken, until the producer is closed.
func logFailures(producer *kafka.Producer) {
	for event := range producer.Events() {
		switch event := event.(type) {
		case *kafka.Message:
			if event.TopicPartition.Error != nil {
				log.Printf("not delivered: %v", event.TopicPartition)
			}
		case kafka.Error:
			log.Print(event)
		}
	}
}

func isCode(err error, code kafka.ErrorCode) bool {
	var told kafka.Error
	return errors.As(err, &told) && told.Code() == code
}
