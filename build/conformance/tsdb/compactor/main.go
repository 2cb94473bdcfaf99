// Command compactor lets Prometheus' own compactor work on blocks, as a reference for ours.
//
//	compactor compact DEST BLOCK...            merges blocks, prints ULID and seconds
//	compactor delete BLOCK MIN MAX NAME VALUE  adds tombstones for the series with this label
//	compactor histograms DEST MIN SERIES COUNT makes a block of native histograms, prints its folder
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	kitlog "github.com/go-kit/log"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

const twoHoursMs = 2 * 60 * 60 * 1000

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: compactor compact|delete|histograms ...")
	}
	var err error
	switch args := os.Args[2:]; os.Args[1] {
	case "compact":
		err = compact(args[0], args[1:])
	case "delete":
		err = remove(args[0], number(args[1]), number(args[2]), args[3], args[4])
	case "histograms":
		err = histograms(args[0], number(args[1]), int(number(args[2])), int(number(args[3])))
	default:
		err = fmt.Errorf("unknown command %s", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}

func compact(dest string, blocks []string) error {
	compactor, err := tsdb.NewLeveledCompactor(
		context.Background(), nil, nil, []int64{twoHoursMs}, nil, nil)
	if err != nil {
		return err
	}
	start := time.Now()
	id, err := compactor.Compact(dest, blocks, nil)
	if err != nil {
		return err
	}
	fmt.Println(id.String(), time.Since(start).Seconds())
	return nil
}

func remove(dir string, minTime, maxTime int64, name, value string) error {
	block, err := tsdb.OpenBlock(nil, dir, nil)
	if err != nil {
		return err
	}
	defer block.Close()
	matcher := labels.MustNewMatcher(labels.MatchEqual, name, value)
	return block.Delete(context.Background(), minTime, maxTime, matcher)
}

func histograms(dest string, minTime int64, seriesCount, sampleCount int) error {
	var all []storage.Series
	for s := 0; s < seriesCount; s++ {
		var samples []chunks.Sample
		for i := 0; i < sampleCount; i++ {
			samples = append(samples, sample{
				timeMs:    minTime + int64(i)*15000,
				histogram: tsdbutil.GenerateTestHistogram(i + s),
				isFloat:   s%2 == 1,
			})
		}
		name := labels.FromStrings("__name__", "latency_seconds", "id", strconv.Itoa(s))
		all = append(all, storage.NewListSeries(name, samples))
	}
	dir, err := tsdb.CreateBlock(all, dest, twoHoursMs, kitlog.NewNopLogger())
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return nil
}

type sample struct {
	timeMs    int64
	histogram *histogram.Histogram
	isFloat   bool
}

func (s sample) T() int64   { return s.timeMs }
func (s sample) F() float64 { return 0 }
func (s sample) H() *histogram.Histogram {
	if s.isFloat {
		return nil
	}
	return s.histogram
}
func (s sample) FH() *histogram.FloatHistogram { return s.histogram.ToFloat() }
func (s sample) Type() chunkenc.ValueType {
	if s.isFloat {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValHistogram
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
