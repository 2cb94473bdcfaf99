// Reads exposition texts from standard input, each with its length in front as a big-endian uint32,
// and writes what Prometheus's own parser makes of each as one line of JSON. With the argument
// "openmetrics" that is the parser for OpenMetrics, otherwise the one for the text format.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

type sample struct {
	Labels map[string]string `json:"labels"`
	// Bits of the value, since JSON has no NaN and no infinity.
	Value string `json:"value"`
	Time  string `json:"time,omitempty"`
}

type answer struct {
	Error   string   `json:"error,omitempty"`
	Samples []sample `json:"samples"`
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(in, text); err != nil {
			log.Fatal(err)
		}
		if err := encoder.Encode(parse(text)); err != nil {
			log.Fatal(err)
		}
	}
}

func newParser(text []byte) textparse.Parser {
	if len(os.Args) > 1 && os.Args[1] == "openmetrics" {
		return textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	}
	return textparse.NewPromParser(text, labels.NewSymbolTable(), false)
}

func parse(text []byte) answer {
	parser := newParser(text)
	result := answer{Samples: []sample{}}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var set labels.Labels
		series, time, value := parser.Series()
		// Prometheus 2 refuses an indented sample; 3 takes the blanks for a part of the name.
		if trimmed := bytes.TrimLeft(series, " \t"); len(trimmed) < len(series) && trimmed[0] != '{' {
			return answer{Error: "indented sample"}
		}
		parser.Labels(&set)
		// What the scrape loop and the head check after the parser.
		if !set.IsValid(model.UTF8Validation) {
			return answer{Error: "invalid metric name or label names"}
		}
		if name, duplicate := set.HasDuplicateLabelNames(); duplicate {
			return answer{Error: "label name is not unique: " + name}
		}
		one := sample{Labels: set.Map(), Value: fmt.Sprintf("%016x", math.Float64bits(value))}
		if time != nil {
			one.Time = fmt.Sprint(*time)
		}
		result.Samples = append(result.Samples, one)
	}
}
