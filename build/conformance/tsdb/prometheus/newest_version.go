//go:build !plugin

// What is called otherwise in the newest version.
package main

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/prometheus/prometheus/util/compression"
)

func setVersionOptions(opts *tsdb.Options) {
	if *snappy {
		opts.WALCompression = compression.Snappy
	}
	if *newest {
		opts.FloatChunkEncoding = chunkenc.EncXOR2
		opts.EnableSTStorage = true
	}
}

func openReadOnly(dir string) *tsdb.DBReadOnly {
	db, err := tsdb.OpenDBReadOnly(dir, sandbox(), nil)
	check(err)
	return db
}

func histogramAt(it chunkenc.Iterator) *histogram.Histogram {
	_, h := it.AtHistogram(nil)
	return h
}

func floatHistogramAt(it chunkenc.Iterator) *histogram.FloatHistogram {
	_, h := it.AtFloatHistogram(nil)
	return h
}

func testHistogram(i int) *histogram.Histogram { return tsdbutil.GenerateTestHistogram(int64(i)) }

func testGauge(i int) *histogram.FloatHistogram {
	return tsdbutil.GenerateTestGaugeFloatHistogram(int64(i))
}

func toFloat(h *histogram.Histogram) *histogram.FloatHistogram { return h.ToFloat(nil) }
