// Command reader takes what our plugin has written as the Go plugin 0.7.0 would: the rows of the key-value store with
// its job struct and with pluginapi/cluster, the answers of the HTTP API, and the metadata of a dump. It reads one JSON
// object from stdin and writes what it has understood to stdout.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/public/pluginapi/cluster"
)

const (
	pluginID        = "com.mattermost.mattermost-plugin-metrics"
	finishedJobsKey = "mattermost-plugin-metrics_finished_jobs"
	jobLockSuffix   = "mattermost-plugin-metrics_job_lock"
	lockTimeout     = 500 * time.Millisecond
)

// dumpJob has the fields of the Go plugin's job; unknown ones are dropped, as it drops them.
type dumpJob struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	CreateAt     int64  `json:"create_at"`
	MinT         int64  `json:"min_t"`
	MaxT         int64  `json:"max_t"`
	DumpLocation string `json:"dump_location"`
}

type tsdbStats struct {
	MinT       int64  `json:"min_t"`
	MaxT       int64  `json:"max_t"`
	NumSamples uint64 `json:"num_samples"`
	NumSeries  uint64 `json:"num_series"`
}

type written struct {
	Rows     map[string][]byte `json:"rows"`
	Jobs     json.RawMessage   `json:"jobs"`
	Stats    json.RawMessage   `json:"stats"`
	Metadata string            `json:"metadata"`
}

type understood struct {
	StoredJobs map[string]*dumpJob `json:"stored_jobs"`
	ListedJobs []*dumpJob          `json:"listed_jobs"`
	Stats      tsdbStats           `json:"stats"`
	// ScheduledJobs are those that a Go node would run.
	ScheduledJobs int `json:"scheduled_jobs"`
	// Whether a Go node gets the locks while the rows are there.
	ScraperLocked bool `json:"scraper_locked"`
	JobLocked     bool `json:"job_locked"`
	// Whether it gets them once they are gone.
	ScraperFree   bool                  `json:"scraper_free"`
	LockValue     []byte                `json:"lock_value"`
	OwnLockValue  []byte                `json:"own_lock_value"`
	Metadata      *model.PacketMetadata `json:"metadata"`
	MetadataRange map[string]any        `json:"metadata_range"`
	Complaints    []string              `json:"complaints"`
}

// rows is a key-value store as pluginapi/cluster asks for it.
type rows struct {
	values     map[string][]byte
	complaints []string
}

func (r *rows) KVSetWithOptions(key string, value []byte, options model.PluginKVSetOptions) (bool, *model.AppError) {
	if options.Atomic && !bytes.Equal(r.values[key], options.OldValue) {
		return false, nil
	}
	if value == nil {
		delete(r.values, key)
	} else {
		r.values[key] = value
	}
	return true, nil
}

func (r *rows) KVGet(key string) ([]byte, *model.AppError) { return r.values[key], nil }

func (r *rows) KVDelete(key string) *model.AppError {
	delete(r.values, key)
	return nil
}

func (r *rows) KVList(page, count int) ([]string, *model.AppError) {
	keys := slices.Sorted(maps.Keys(r.values))
	from := min(page*count, len(keys))
	return keys[from:min(from+count, len(keys))], nil
}

func (r *rows) LogError(message string, keyValuePairs ...any) {
	r.complaints = append(r.complaints, fmt.Sprint(append([]any{message}, keyValuePairs...)...))
}

// lockFor tries to get a lock as a Go node does, and gives it back.
func lockFor(api cluster.MutexPluginAPI, key string) (bool, error) {
	mutex, err := cluster.NewMutex(api, key)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	if mutex.LockWithContext(ctx) != nil {
		return false, nil
	}
	mutex.Unlock()
	return true, nil
}

func read(in written) (*understood, error) {
	api := &rows{values: in.Rows}
	out := &understood{OwnLockValue: in.Rows["mutex_"+pluginID]}
	if err := json.Unmarshal(in.Rows[finishedJobsKey], &out.StoredJobs); err != nil {
		return nil, fmt.Errorf("stored jobs: %w", err)
	}
	if err := json.Unmarshal(in.Jobs, &out.ListedJobs); err != nil {
		return nil, fmt.Errorf("listed jobs: %w", err)
	}
	if err := json.Unmarshal(in.Stats, &out.Stats); err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}
	scheduled, err := cluster.GetJobOnceScheduler(api).ListScheduledJobs()
	if err != nil {
		return nil, fmt.Errorf("scheduled jobs: %w", err)
	}
	out.ScheduledJobs = len(scheduled)
	got, err := lockFor(api, pluginID)
	if err != nil {
		return nil, err
	}
	out.ScraperLocked = !got
	if got, err = lockFor(api, pluginID+jobLockSuffix); err != nil {
		return nil, err
	}
	out.JobLocked = !got
	delete(api.values, "mutex_"+pluginID)
	mutex, err := cluster.NewMutex(api, pluginID)
	if err != nil {
		return nil, err
	}
	mutex.Lock()
	out.ScraperFree = true
	out.LockValue = api.values["mutex_"+pluginID]
	mutex.Unlock()
	if out.Metadata, err = model.ParsePacketMetadata([]byte(in.Metadata)); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	out.MetadataRange = out.Metadata.Extras
	out.Complaints = api.complaints
	return out, nil
}

func main() {
	var in written
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fail(err)
	}
	out, err := read(in)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
