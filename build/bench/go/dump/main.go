// Command dump repeats with Prometheus' own TSDB what the Go plugin 0.7.0 does to make a dump, and
// makes the store that both sides dump. Each command prints one line of JSON.
//
//	dump generate LABELS STORE FIRST COUNT   writes COUNT blocks of two hours, from the FIRST on
//	dump make STORE WORK DEST                copies, merges to six hours, packs, stores
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const (
	blockMs    = 2 * 60 * 60 * 1000
	intervalMs = 60 * 1000
	// The first block begins on a day of UTC, so that days are made of whole blocks.
	startMs = 19676 * 24 * 60 * 60 * 1000
)

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 5 && args[0] == "generate":
		generate(args[1], args[2], number(args[3]), number(args[4]))
	case len(args) == 4 && args[0] == "make":
		makeDump(args[1], args[2], args[3])
	default:
		log.Fatal("usage: dump generate LABELS STORE FIRST COUNT | dump make STORE WORK DEST")
	}
}

// A series moves as those of an application server do: some never, some seldom, some at every scrape.
type series struct {
	labels labels.Labels
	chance float64
	step   float64
	whole  bool
	value  float64
}

func generate(labelsFile, store string, first, count int) {
	random := rand.New(rand.NewSource(int64(first) + 1))
	all := readSeries(labelsFile, random)
	check(os.MkdirAll(store, 0o750))
	compactor, err := tsdb.NewLeveledCompactor(context.Background(), nil, nil, []int64{blockMs}, chunkenc.NewPool(), nil)
	check(err)
	for block := first; block < first+count; block++ {
		writeBlock(compactor, store, startMs+int64(block)*blockMs, all, random)
	}
	report(map[string]any{"blocks": count, "series": len(all)})
}

func writeBlock(compactor *tsdb.LeveledCompactor, store string, minTime int64, all []series, random *rand.Rand) {
	work, err := os.MkdirTemp("", "bench-dump-head")
	check(err)
	defer os.RemoveAll(work)
	options := tsdb.DefaultHeadOptions()
	options.ChunkDirRoot = work
	options.ChunkRange = blockMs
	head, err := tsdb.NewHead(nil, nil, nil, nil, options, nil)
	check(err)
	check(head.Init(minTime))
	refs := make([]storage.SeriesRef, len(all))
	for t := minTime; t < minTime+blockMs; t += intervalMs {
		appender := head.Appender(context.Background())
		for i := range all {
			all[i].move(random)
			refs[i], err = appender.Append(refs[i], all[i].labels, t, all[i].value)
			check(err)
		}
		check(appender.Commit())
	}
	_, err = compactor.Write(store, head, minTime, minTime+blockMs, nil)
	check(err)
	check(head.Close())
}

func (s *series) move(random *rand.Rand) {
	if s.chance == 0 || (s.chance < 1 && random.Float64() >= s.chance) {
		return
	}
	step := s.step * random.ExpFloat64()
	if s.whole {
		step = math.Ceil(step)
	}
	s.value += step
}

// A third of the values change from one scrape to the next.
func readSeries(file string, random *rand.Rand) []series {
	f, err := os.Open(file)
	check(err)
	defer f.Close()
	var all []series
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		var pairs map[string]string
		check(json.Unmarshal(scanner.Bytes(), &pairs))
		one := series{
			labels: labels.FromMap(pairs), whole: true,
			value: math.Floor(1e5 * random.Float64()), step: 1 + 40*math.Pow(random.Float64(), 3),
		}
		switch class := random.Float64(); {
		case class < 0.35:
		case class < 0.60:
			one.chance = 0.01 + 0.03*random.Float64()
		case class < 0.78:
			one.chance = 0.2 + 0.5*random.Float64()
		default:
			one.chance, one.whole = 1, random.Float64() >= 0.1
		}
		all = append(all, one)
	}
	check(scanner.Err())
	return all
}

// The steps of the Go plugin: blocks to a directory of its own, that is opened and compacted to six
// hours, packed, and the archive copied to the file store.
func makeDump(store, work, dest string) {
	start := time.Now()
	data := filepath.Join(work, "data")
	copyTree(store, data)
	options := tsdb.DefaultOptions()
	options.MinBlockDuration = blockMs
	options.MaxBlockDuration = 3 * blockMs
	options.RetentionDuration = math.MaxInt64 / 2
	options.AllowOverlappingCompaction = true
	db, err := tsdb.Open(data, nil, nil, options, nil)
	check(err)
	db.DisableCompactions()
	check(db.Compact(context.Background()))
	var samples uint64
	for _, block := range db.Blocks() {
		samples += block.Meta().Stats.NumSamples
	}
	check(db.Close())
	archive := filepath.Join(work, "tsdb_dump.tar.gz")
	pack(data, archive)
	copyFile(archive, dest)
	seconds := time.Since(start).Seconds()
	info, err := os.Stat(dest)
	check(err)
	check(os.RemoveAll(work))
	report(map[string]any{
		"seconds": seconds, "cpuSeconds": cpuSeconds(), "sampleCount": samples,
		"archiveBytes": info.Size(), "peakRssBytes": peakRss(),
	})
}

func pack(dir, archive string) {
	file, err := os.Create(archive)
	check(err)
	zipped := gzip.NewWriter(file)
	packed := tar.NewWriter(zipped)
	check(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		check(err)
		info, err := entry.Info()
		check(err)
		header, err := tar.FileInfoHeader(info, "")
		check(err)
		header.Name = strings.TrimPrefix(path, dir)
		check(packed.WriteHeader(header))
		if info.Mode().IsRegular() {
			source, err := os.Open(path)
			check(err)
			defer source.Close()
			_, err = io.Copy(packed, source)
			check(err)
		}
		return nil
	}))
	check(packed.Close())
	check(zipped.Close())
	check(file.Close())
}

func copyTree(from, to string) {
	check(filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		check(err)
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o750)
		}
		copyFile(path, target)
		return nil
	}))
}

func copyFile(from, to string) {
	source, err := os.Open(from)
	check(err)
	defer source.Close()
	target, err := os.Create(to)
	check(err)
	_, err = io.Copy(target, source)
	check(err)
	check(target.Close())
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func peakRss() int64 {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			return int64(number(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))) * 1024
		}
	}
	log.Fatal("the system does not tell the peak of memory")
	return 0
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func report(value any) {
	check(json.NewEncoder(os.Stdout).Encode(value))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
