// Command prometheus lets Prometheus' own TSDB write and read directories, as a reference for ours. It
// is built with the version of the Go plugin and with the newest one.
//
//	prometheus write DIR [FLAG...]  writes a database; prints its samples as dump does
//	prometheus dump DIR             prints the samples of a directory that is not changed
//	prometheus reopen DIR [FLAG...] opens a database for writing, prints its samples, and stops
//	prometheus hold DIR             opens a database and holds it until its input ends
//
// A line of output is a sample: labels as JSON, milliseconds, and the bits of the value, or of all that
// makes up a histogram.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const blockMs = 2 * 60 * 60 * 1000

var (
	flags       = flag.NewFlagSet("prometheus", flag.ExitOnError)
	startMs     = flags.Int64("start", 1795334400000, "time of the first sample")
	stepMs      = flags.Int64("step", 60000, "milliseconds between two samples")
	seriesCount = flags.Int("series", 40, "number of series")
	sampleCount = flags.Int("samples", 100, "samples of each")
	snappy      = flags.Bool("snappy", false, "pack the records of the log")
	snapshot    = flags.Bool("snapshot", false, "write a chunk snapshot on a clean stop, and read one")
	histograms  = flags.Bool("histograms", false, "every third series is one of histograms")
	newest      = flags.Bool("newest", false, "use optional encodings of chunks and records")
	remove      = flags.Bool("delete", false, "delete the middle of every second series")
	kill        = flags.Bool("kill", false, "end without a clean stop")
	blocks      = flags.Bool("blocks", false, "turn the head into blocks")
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: prometheus write|dump|reopen|hold DIR")
	}
	dir := os.Args[2]
	check(flags.Parse(os.Args[3:]))
	switch os.Args[1] {
	case "write":
		db := open(dir)
		write(db)
		if *remove {
			middle := *startMs + int64(*sampleCount/2)**stepMs
			even := labels.MustNewMatcher(labels.MatchRegexp, "id", ".*[02468]")
			check(db.Delete(context.Background(), middle, middle+10**stepMs, even))
		}
		if *blocks {
			makeBlocks(db)
		}
		dumpAll(db.Querier)
		stop(db)
	case "dump":
		db := openReadOnly(dir)
		dumpAll(db.Querier)
		check(db.Close())
	case "reopen":
		db := open(dir)
		dumpAll(db.Querier)
		stop(db)
	case "hold":
		db := open(dir)
		fmt.Println("held")
		_, _ = io.Copy(io.Discard, os.Stdin)
		check(db.Close())
	default:
		log.Fatalf("unknown command %s", os.Args[1])
	}
}

func open(dir string) *tsdb.DB {
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = math.MaxInt64 / 2
	opts.EnableMemorySnapshotOnShutdown = *snapshot
	setVersionOptions(opts)
	db, err := tsdb.Open(dir, nil, nil, opts, nil)
	check(err)
	db.DisableCompactions()
	return db
}

// stop ends the process as it wants to be ended: nothing is flushed after a kill.
func stop(db *tsdb.DB) {
	if *kill {
		os.Exit(0)
	}
	check(db.Close())
}

// write appends scrape by scrape, as a scraper does.
func write(db *tsdb.DB) {
	refs := make([]storage.SeriesRef, *seriesCount)
	sets := make([]labels.Labels, *seriesCount)
	for s := range sets {
		sets[s] = labelsOf(s)
	}
	for i := 0; i < *sampleCount; i++ {
		app := db.Appender(context.Background())
		for s := range sets {
			timeMs := *startMs + int64(i)**stepMs + int64(s%10)
			var err error
			switch {
			case !*histograms || s%3 != 0:
				refs[s], err = app.Append(refs[s], sets[s], timeMs, valueOf(s, i))
			default:
				h, fh := histogramOf(s, i)
				refs[s], err = app.AppendHistogram(refs[s], sets[s], timeMs, h, fh)
			}
			check(err)
		}
		check(app.Commit())
	}
}

func labelsOf(s int) labels.Labels {
	pairs := map[string]string{"__name__": "metric_" + strconv.Itoa(s%50), "id": strconv.Itoa(s)}
	if s%7 == 0 {
		pairs["zone"] = "größer 🎈\n\"\\"
	}
	// An empty value means that there is no such label.
	if s%5 == 0 {
		pairs["empty"] = ""
	}
	if s%11 == 0 {
		pairs["größe.in.utf-8"] = "ja"
	}
	return labels.FromMap(pairs).WithoutEmpty()
}

func valueOf(s, i int) float64 {
	switch s % 8 {
	case 0:
		return 5
	case 1:
		return float64(i)
	case 2:
		return float64(i*i%977) / 8
	case 3:
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)}[i%5]
	case 4:
		if i%9 == 8 {
			return math.Float64frombits(value.StaleNaN)
		}
		return float64(i) * 1e-9
	case 5:
		return math.MaxFloat64 / float64(i+1)
	case 6:
		return math.SmallestNonzeroFloat64 * float64(i)
	}
	return -float64(i) * 1e15
}

func histogramOf(s, i int) (*histogram.Histogram, *histogram.FloatHistogram) {
	h := testHistogram(i)
	switch s % 12 {
	case 0:
		if i%40 == 39 {
			h = &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN)}
		}
		return h, nil
	case 3:
		return nil, toFloat(h)
	case 6:
		return nil, testGauge(i * 7 % 31)
	}
	// Buckets change, and counters are reset.
	h = testHistogram(i % 50)
	if i%30 > 15 {
		h.PositiveSpans[1].Offset = 2
	}
	return h, nil
}

// makeBlocks turns the head into blocks on the grid.
func makeBlocks(db *tsdb.DB) {
	head := db.Head()
	last := head.MaxTime()
	for mint := head.MinTime(); mint <= last; {
		end := (mint/blockMs + 1) * blockMs
		if mint < 0 {
			end = mint - mint%blockMs
		}
		check(db.CompactHead(tsdb.NewRangeHead(head, mint, min(end-1, last))))
		mint = end
	}
}

func dumpAll(querier func(mint, maxt int64) (storage.Querier, error)) {
	q, err := querier(math.MinInt64, math.MaxInt64)
	check(err)
	out := bufio.NewWriter(os.Stdout)
	all := labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".*")
	set := q.Select(context.Background(), true, nil, all)
	for set.Next() {
		text, err := json.Marshal(set.At().Labels().Map())
		check(err)
		it := set.At().Iterator(nil)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			fmt.Fprintf(out, "%s %d %s\n", text, it.AtT(), valueText(it, kind))
		}
		check(it.Err())
	}
	check(set.Err())
	check(out.Flush())
	check(q.Close())
}

func valueText(it chunkenc.Iterator, kind chunkenc.ValueType) string {
	switch kind {
	case chunkenc.ValFloat:
		_, v := it.At()
		return bits(v)
	case chunkenc.ValHistogram:
		h := histogramAt(it)
		return fmt.Sprintf("%s %d %d %s %s", layoutText("integer", h.CounterResetHint, h.Schema, h.ZeroThreshold,
			h.PositiveSpans, h.NegativeSpans), h.Count, h.ZeroCount, bits(h.Sum),
			integers(h.PositiveBuckets)+integers(h.NegativeBuckets))
	default:
		h := floatHistogramAt(it)
		return fmt.Sprintf("%s %s %s %s %s", layoutText("float", h.CounterResetHint, h.Schema, h.ZeroThreshold,
			h.PositiveSpans, h.NegativeSpans), bits(h.Count), bits(h.ZeroCount), bits(h.Sum),
			floats(h.PositiveBuckets)+floats(h.NegativeBuckets))
	}
}

func layoutText(kind string, hint histogram.CounterResetHint, schema int32, zero float64, positive, negative []histogram.Span) string {
	if hint == histogram.GaugeType {
		kind += " gauge"
	}
	return fmt.Sprintf("%s %d %s %v %v", kind, schema, bits(zero), positive, negative)
}

// integers prints absolute counts, which the format keeps as differences.
func integers(deltas []int64) string {
	text, count := "[", int64(0)
	for _, delta := range deltas {
		count += delta
		text += strconv.FormatInt(count, 10) + " "
	}
	return text + "]"
}

func floats(values []float64) string {
	text := "["
	for _, v := range values {
		text += bits(v) + " "
	}
	return text + "]"
}

func bits(v float64) string { return fmt.Sprintf("%016x", math.Float64bits(v)) }

func sandbox() string {
	dir, err := os.MkdirTemp("", "prometheus-sandbox")
	check(err)
	return filepath.Clean(dir)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
