// An exporter on the Go client of Prometheus with metrics of every type. Each scraper, told apart by
// its User-Agent, meets a world of its own that goes one step further with each of its scrapes, so
// that the n-th answer is the same for all of them. Prints its address; ends with its standard input.
package main

import (
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type world struct {
	steps     int
	handler   http.Handler
	counter   prometheus.Counter
	requests  *prometheus.CounterVec
	gauges    *prometheus.GaugeVec
	histogram *prometheus.HistogramVec
	native    prometheus.Histogram
	summary   *prometheus.SummaryVec
}

// A sample with a time of the exporter's own.
type timed struct {
	description *prometheus.Desc
	world       *world
}

func (t timed) Describe(out chan<- *prometheus.Desc) { out <- t.description }

func (t timed) Collect(out chan<- prometheus.Metric) {
	steps := min(t.world.steps, timedSteps)
	sample := prometheus.MustNewConstMetric(t.description, prometheus.GaugeValue, float64(steps))
	out <- prometheus.NewMetricWithTimestamp(start.Add(time.Duration(steps/2)*time.Second), sample)
}

// Long ago in terms of a scrape.
var start = time.Now().Truncate(time.Second).Add(-time.Minute)

// Such samples end before the scrapes do, since they don't tell to which scrape they belong.
const timedSteps = 20

func newWorld() *world {
	w := &world{
		counter: prometheus.NewCounter(prometheus.CounterOpts{Name: "events_total", Help: "A counter."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "requests_total", Help: "Labels that need escapes: \\ and \"\nand a second line.",
		}, []string{"path", "code"}),
		gauges: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "app", Subsystem: "room", Name: "temperature_celsius", Help: "A gauge.",
			ConstLabels: prometheus.Labels{"job": "of the exporter", "instance": "its own"},
		}, []string{"room"}),
		histogram: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "duration_seconds", Help: "A histogram.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"handler"}),
		native: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "size_bytes", Help: "Native and classic.", Buckets: []float64{1, 1000, 1e6},
			NativeHistogramBucketFactor: 1.1,
		}),
		summary: prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: "wait_seconds", Help: "A summary.", MaxAge: time.Hour,
			Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01, 0.99: 0.001},
		}, []string{"queue"}),
	}
	untyped := prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: "something", Help: "Untyped."},
		func() float64 { return float64(w.steps) / 3 })
	description := prometheus.NewDesc("timed_value", "With a time of its own.", nil, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.counter, w.requests, w.gauges, w.histogram, w.native, w.summary, untyped,
		timed{description, w})
	w.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics:                   true,
		EnableOpenMetricsTextCreatedSamples: true,
	})
	return w
}

func (w *world) step() {
	w.steps++
	n := float64(w.steps)
	w.counter.(prometheus.ExemplarAdder).AddWithExemplar(n, prometheus.Labels{"trace_id": fmt.Sprint(w.steps)})
	w.requests.WithLabelValues("/a\\b\"c\"\nd", "200").Add(1e6 * n)
	w.requests.WithLabelValues("/grüße/世界", "500").Add(0.1)
	rooms := []float64{n * 1.1, -n, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1e-300, math.MaxFloat64}
	for i, value := range rooms {
		w.gauges.WithLabelValues(fmt.Sprint(i)).Set(value)
	}
	// A series that comes and goes.
	if w.steps%5 < 2 {
		w.gauges.DeleteLabelValues("0")
	}
	for i := 0; i < 10; i++ {
		value := math.Pow(2, float64((w.steps*7+i*3)%20-10))
		observer := w.histogram.WithLabelValues([]string{"get", "post"}[i%2]).(prometheus.ExemplarObserver)
		observer.ObserveWithExemplar(value, prometheus.Labels{"trace_id": fmt.Sprint(i)})
		w.native.Observe(value * 1000)
		w.summary.WithLabelValues("mail").Observe(value)
	}
	w.summary.WithLabelValues("idle")
	if w.steps == 4 {
		w.histogram.Reset()
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	worlds := map[string]*world{}
	handler := http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		scraper, _, _ := strings.Cut(request.UserAgent(), "/")
		if worlds[scraper] == nil {
			worlds[scraper] = newWorld()
		}
		worlds[scraper].step()
		worlds[scraper].handler.ServeHTTP(response, request)
	})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, handler))
}
