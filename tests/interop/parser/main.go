// Pages in, samples out: how Prometheus itself reads pages, in the text format or in OpenMetrics.
//
// On standard input: for each page a line with its length in bytes, and after a space the word
// openmetrics if that is its format; then the page. On standard output: for each page a line of
// JSON, {"samples": [{"name", "labels", "value", "time", "exemplar"}...], "types": {name: type}} or
// {"error": text}.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// Values are text, since JSON has neither NaN nor infinities.
type sample struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Value  string            `json:"value"`
	Time   *int64            `json:"time,omitempty"`
	// The labels of its exemplar.
	Exemplar map[string]string `json:"exemplar,omitempty"`
}

type reading struct {
	Samples []sample          `json:"samples"`
	Types   map[string]string `json:"types"`
	Error   string            `json:"error,omitempty"`
}

func parserOf(page []byte, format string) textparse.Parser {
	if format == "openmetrics" {
		return textparse.NewOpenMetricsParser(page, labels.NewSymbolTable())
	}
	return textparse.NewPromParser(page, labels.NewSymbolTable())
}

func read(page []byte, format string) reading {
	result := reading{Samples: []sample{}, Types: map[string]string{}}
	parser := parserOf(page, format)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			return reading{Error: err.Error()}
		}
		switch entry {
		case textparse.EntryType:
			name, kind := parser.Type()
			result.Types[string(name)] = string(kind)
		case textparse.EntrySeries:
			_, time, value := parser.Series()
			var own labels.Labels
			parser.Metric(&own)
			found := own.Map()
			name := found[labels.MetricName]
			delete(found, labels.MetricName)
			var of exemplar.Exemplar
			var exemplarLabels map[string]string
			if parser.Exemplar(&of) {
				exemplarLabels = of.Labels.Map()
			}
			result.Samples = append(result.Samples, sample{
				Name:     name,
				Labels:   found,
				Value:    strconv.FormatFloat(value, 'g', -1, 64),
				Time:     time,
				Exemplar: exemplarLabels,
			})
		}
	}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		length, format, _ := strings.Cut(strings.TrimSpace(line), " ")
		size, err := strconv.Atoi(length)
		if err != nil {
			log.Fatal(fmt.Errorf("no length of a page: %w", err))
		}
		page := make([]byte, size)
		if _, err := io.ReadFull(in, page); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(read(page, format)); err != nil {
			log.Fatal(err)
		}
	}
}
