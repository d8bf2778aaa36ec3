// Small programs around Apache RocketMQ's Go client: `interop produce --name value ...` and `interop push ...`. They print the same
// JSON lines as the Java programs beside them, so that one TypeScript test drives both.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"encoding/json"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type event map[string]any

var printing sync.Mutex

func emit(e event) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	// The tests know an event by how its line starts; Go's map keys are sorted.
	name, _ := json.Marshal(e["event"])
	rest := strings.TrimPrefix(string(line), "{")
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf("{\"event\":%s,%s\n", name, rest)
}

type options map[string]string

func parse(arguments []string) options {
	values := options{}
	for at := 0; at+1 < len(arguments); at += 2 {
		values[strings.TrimPrefix(arguments[at], "--")] = arguments[at+1]
	}
	return values
}

func (o options) text(name, otherwise string) string {
	if value, there := o[name]; there {
		return value
	}
	return otherwise
}

func (o options) number(name string, otherwise int) int {
	value, err := strconv.Atoi(o[name])
	if err != nil {
		return otherwise
	}
	return value
}

func main() {
	rlog.SetLogLevel("warn")
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "produce or push")
		os.Exit(2)
	}
	given := parse(os.Args[2:])
	var err error
	switch os.Args[1] {
	case "produce":
		err = produce(given)
	case "push":
		err = push(given)
	default:
		err = fmt.Errorf("produce or push, not %q", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		emit(event{"event": "failed", "message": err.Error()})
		os.Exit(1)
	}
}
