//go:build plugin

// What is called otherwise in the version of the Go plugin.
package main

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

func setVersionOptions(opts *tsdb.Options) {
	opts.EnableNativeHistograms = true
	if *snappy {
		opts.WALCompression = wlog.CompressionSnappy
	}
}

func openReadOnly(dir string) *tsdb.DBReadOnly {
	db, err := tsdb.OpenDBReadOnly(dir, nil)
	check(err)
	return db
}

func histogramAt(it chunkenc.Iterator) *histogram.Histogram {
	_, h := it.AtHistogram()
	return h
}

func floatHistogramAt(it chunkenc.Iterator) *histogram.FloatHistogram {
	_, h := it.AtFloatHistogram()
	return h
}

func testHistogram(i int) *histogram.Histogram { return tsdbutil.GenerateTestHistogram(i) }

func testGauge(i int) *histogram.FloatHistogram { return tsdbutil.GenerateTestGaugeFloatHistogram(i) }

func toFloat(h *histogram.Histogram) *histogram.FloatHistogram { return h.ToFloat() }
