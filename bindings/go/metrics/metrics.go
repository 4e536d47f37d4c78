// Package metrics exports a session's counters to Prometheus.
package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Counted is a source of counters: a rekindle.Session, or a rekindle.App, which sums the counters of its sessions.
type Counted interface {
	Stats(ctx context.Context) (map[string]uint64, error)
}

type collector struct{ counted Counted }

// NewCollector returns a collector of the counters, named rekindle_refreshes_total and so on. For several sessions, register each with a
// label: prometheus.WrapRegistererWith(prometheus.Labels{"session": "billing"}, registerer).
func NewCollector(counted Counted) prometheus.Collector { return collector{counted} }

// Describe sends nothing: the core defines the names of the counters.
func (c collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(told chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	stats, err := c.counted.Stats(ctx)
	if err != nil {
		told <- prometheus.NewInvalidMetric(prometheus.NewDesc("rekindle_error", "The counters could not be read.", nil, nil), err)
		return
	}
	for name, count := range stats {
		desc := prometheus.NewDesc("rekindle_"+name+"_total", "How often it happened since the session was made.", nil, nil)
		told <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(count))
	}
}
