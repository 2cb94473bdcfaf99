// Command bench does with Prometheus' own TSDB what build/bench/ours.ts does with ours. Each command
// prints one line of JSON: the cost, the CPU seconds of the measured section, and what was found.
//
//	bench append LOAD DB            appends all scrapes of a load to a new database
//	bench replay DB                 opens a database that was not closed
//	bench head-to-block DB DEST     replays, then writes the head as a block
//	bench block-bytes DB DEST       the same; the cost is the size of the block
//	bench head-bytes LOAD DB        memory of the head for each series after all scrapes
//	bench open DIR                  opens all blocks of a directory
//	bench lookup DIR INSTANCE       the same, and finds the series of a target in each
//	bench merge DEST BLOCK...       merges blocks
//	bench write-blocks LOAD DIR     writes a block for each two hours of a load
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const blockMs = 2 * 60 * 60 * 1000

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: bench COMMAND DIR...")
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "append":
		appendAll(args[0], args[1])
	case "replay":
		replay(args[0])
	case "head-to-block":
		headToBlock(args[0], args[1], false)
	case "block-bytes":
		headToBlock(args[0], args[1], true)
	case "head-bytes":
		headBytes(args[0], args[1])
	case "open":
		open(args[0], "")
	case "lookup":
		open(args[0], args[1])
	case "merge":
		merge(args[0], args[1:])
	case "write-blocks":
		writeBlocks(args[0], args[1])
	default:
		log.Fatalf("unknown command %s", os.Args[1])
	}
}

// appendAll scrapes as Prometheus does: a goroutine and an appender for each target, all targets
// once an interval.
func appendAll(loadDir, dir string) {
	l := readLoad(loadDir)
	db := openDB(dir)
	stop := measure()
	scrapers := l.scrapers(db)
	for scrape := 0; scrape < l.shape.Scrapes; scrape++ {
		var wg sync.WaitGroup
		for _, s := range scrapers {
			wg.Add(1)
			go func(s *scraper) {
				defer wg.Done()
				s.append(scrape)
			}(s)
		}
		wg.Wait()
	}
	seconds, cpu := stop()
	millions := float64(l.samples()) / 1e6
	report(seconds/millions, cpu/millions, map[string]int64{"series": int64(db.Head().NumSeries())})
}

func replay(dir string) {
	stop := measure()
	db := openDB(dir)
	seconds, cpu := stop()
	report(seconds, cpu, map[string]int64{
		"series": int64(db.Head().NumSeries()), "minTimeMs": db.Head().MinTime(), "maxTimeMs": db.Head().MaxTime(),
	})
}

func headToBlock(dir, dest string, reportBytes bool) {
	head := openDB(dir).Head()
	comp := newCompactor()
	mint, maxt := head.MinTime(), head.MaxTime()+1
	stop := measure()
	id, err := comp.Write(dest, head, mint, maxt, nil)
	check(err)
	seconds, cpu := stop()
	var meta struct {
		Stats struct{ NumSamples, NumSeries, NumChunks int64 }
	}
	readJSON(filepath.Join(dest, id.String(), "meta.json"), &meta)
	checks := map[string]int64{
		"samples": meta.Stats.NumSamples, "series": meta.Stats.NumSeries, "chunks": meta.Stats.NumChunks,
	}
	if reportBytes {
		report(float64(blockBytes(filepath.Join(dest, id.String()))), 0, checks)
	} else {
		report(seconds, cpu, checks)
	}
}

// headBytes counts live bytes after a collection. What the scrapers hold is gone by then, so that
// the texts of the labels count for the head.
func headBytes(loadDir, dir string) {
	before := liveBytes()
	db := openDB(dir)
	func() {
		l := readLoad(loadDir)
		scrapers := l.scrapers(db)
		for scrape := 0; scrape < l.shape.Scrapes; scrape++ {
			for _, s := range scrapers {
				s.append(scrape)
			}
		}
	}()
	held := liveBytes() - before
	series := db.Head().NumSeries()
	report(float64(held)/float64(series), 0, map[string]int64{"series": int64(series)})
	runtime.KeepAlive(db)
}

func open(dir, instance string) {
	stop := measure()
	db, err := tsdb.OpenDBReadOnly(dir, nil)
	check(err)
	blocks, err := db.Blocks()
	check(err)
	checks := map[string]int64{"blocks": int64(len(blocks))}
	if instance != "" {
		for _, block := range blocks {
			reader, err := block.Index()
			check(err)
			postings, err := reader.Postings(context.Background(), "instance", instance)
			check(err)
			for postings.Next() {
				checks["series"]++
			}
			check(postings.Err())
		}
	}
	seconds, cpu := stop()
	report(seconds, cpu, checks)
}

func merge(dest string, dirs []string) {
	stop := measure()
	id, err := newCompactor().Compact(dest, dirs, nil)
	check(err)
	seconds, cpu := stop()
	var meta struct {
		Stats struct{ NumSamples, NumSeries, NumChunks int64 }
	}
	readJSON(filepath.Join(dest, id.String(), "meta.json"), &meta)
	report(seconds, cpu, map[string]int64{
		"samples": meta.Stats.NumSamples, "series": meta.Stats.NumSeries, "chunks": meta.Stats.NumChunks,
	})
}

func writeBlocks(loadDir, dir string) {
	l := readLoad(loadDir)
	comp := newCompactor()
	perBlock := int(blockMs / l.shape.IntervalMs)
	blocks := 0
	for first := 0; first < l.shape.Scrapes; first += perBlock {
		temp, err := os.MkdirTemp("", "bench-head")
		check(err)
		opts := tsdb.DefaultHeadOptions()
		opts.ChunkDirRoot = temp
		opts.ChunkRange = blockMs
		head, err := tsdb.NewHead(nil, nil, nil, nil, opts, nil)
		check(err)
		mint := l.shape.StartMs + int64(first)*l.shape.IntervalMs
		check(head.Init(mint))
		scrapers := l.scrapers(head)
		for scrape := first; scrape < first+perBlock && scrape < l.shape.Scrapes; scrape++ {
			for _, s := range scrapers {
				s.append(scrape)
			}
		}
		_, err = comp.Write(dir, head, mint, mint+blockMs, nil)
		check(err)
		check(head.Close())
		check(os.RemoveAll(temp))
		blocks++
	}
	report(0, 0, map[string]int64{"blocks": int64(blocks)})
}

func openDB(dir string) *tsdb.DB {
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = math.MaxInt64 / 2
	db, err := tsdb.Open(dir, nil, nil, opts, nil)
	check(err)
	db.DisableCompactions()
	return db
}

func newCompactor() *tsdb.LeveledCompactor {
	comp, err := tsdb.NewLeveledCompactor(context.Background(), nil, nil, []int64{blockMs}, chunkenc.NewPool(), nil)
	check(err)
	return comp
}

// load is what build/bench/load.ts wrote.
type load struct {
	shape struct {
		Targets, SeriesPerTarget, Scrapes int
		IntervalMs, StartMs               int64
	}
	labels []labels.Labels
	values []byte
}

func readLoad(dir string) *load {
	l := &load{}
	readJSON(filepath.Join(dir, "shape.json"), &l.shape)
	file, err := os.Open(filepath.Join(dir, "labels.jsonl"))
	check(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		pairs := map[string]string{}
		check(json.Unmarshal(lines.Bytes(), &pairs))
		l.labels = append(l.labels, labels.FromMap(pairs))
	}
	l.values, err = os.ReadFile(filepath.Join(dir, "values.f64"))
	check(err)
	if len(l.values) != l.samples()*8 || len(l.labels) != l.shape.Targets*l.shape.SeriesPerTarget {
		log.Fatalf("the load in %s has not the size that its shape says", dir)
	}
	return l
}

func (l *load) samples() int { return l.shape.Scrapes * l.shape.Targets * l.shape.SeriesPerTarget }

type appendable interface {
	Appender(context.Context) storage.Appender
}

// scraper appends the scrapes of one target, by reference after the first.
type scraper struct {
	load   *load
	db     appendable
	target int
	labels []labels.Labels
	refs   []storage.SeriesRef
}

func (l *load) scrapers(db appendable) []*scraper {
	var all []*scraper
	n := l.shape.SeriesPerTarget
	for target := 0; target < l.shape.Targets; target++ {
		all = append(all, &scraper{
			load: l, db: db, target: target,
			labels: l.labels[target*n : (target+1)*n], refs: make([]storage.SeriesRef, n),
		})
	}
	return all
}

func (s *scraper) append(scrape int) {
	shape := s.load.shape
	app := s.db.Appender(context.Background())
	timeMs := shape.StartMs + int64(scrape)*shape.IntervalMs
	values := s.load.values[((scrape*shape.Targets)+s.target)*shape.SeriesPerTarget*8:]
	for i := range s.refs {
		value := math.Float64frombits(binary.LittleEndian.Uint64(values[i*8:]))
		ref, err := app.Append(s.refs[i], s.labels[i], timeMs, value)
		check(err)
		s.refs[i] = ref
	}
	check(app.Commit())
}

// measure returns a function that tells the wall and CPU seconds since.
func measure() func() (float64, float64) {
	runtime.GC()
	start, cpu := time.Now(), cpuSeconds()
	return func() (float64, float64) { return time.Since(start).Seconds(), cpuSeconds() - cpu }
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func liveBytes() int64 {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func blockBytes(dir string) int64 {
	var total int64
	check(filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && info.Name() != "meta.json" {
			total += info.Size()
		}
		return err
	}))
	return total
}

func report(cost, cpu float64, checks map[string]int64) {
	out := map[string]any{"cost": cost, "checks": checks}
	if cpu > 0 {
		out["cpuSeconds"] = cpu
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}

func readJSON(path string, into any) {
	text, err := os.ReadFile(path)
	check(err)
	check(json.Unmarshal(text, into))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
