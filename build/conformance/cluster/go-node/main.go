// A node that still runs the Go plugin, as far as its locks go: what mattermost-plugin-metrics v0.7.0 does with
// pluginapi/cluster in server/plugin.go and server/job.go, with the module of the very version that it is built with.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/public/plugin"
	"github.com/mattermost/mattermost/server/public/pluginapi/cluster"
)

const (
	pluginID   = "com.mattermost.mattermost-plugin-metrics"
	pluginName = "mattermost-plugin-metrics"
	// It tries for so long in OnActivate, and never again.
	lockTimeout = 20 * time.Second

	jobLock = pluginID + pluginName + "_job_lock"
	jobList = pluginName + "_finished_jobs"
)

type goNode struct {
	plugin.MattermostPlugin
	mutex *cluster.Mutex
}

func (n *goNode) OnActivate() error {
	mutex, err := cluster.NewMutex(n.API, pluginID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	if err := mutex.LockWithContext(ctx); err != nil {
		n.API.LogInfo("the Go node stands by")
		return nil
	}
	n.mutex = mutex
	n.API.LogInfo("the Go node scrapes")
	return nil
}

func (n *goNode) OnDeactivate() error {
	if n.mutex != nil {
		n.mutex.Unlock()
	}
	return nil
}

type dumpJob struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	CreateAt     int64  `json:"create_at"`
	MinT         int64  `json:"min_t"`
	MaxT         int64  `json:"max_t"`
	DumpLocation string `json:"dump_location"`
}

// ServeHTTP stores a finished job, as UpdateJob does it, and takes the time that ?pause= says between its look at
// the list and its write.
func (n *goNode) ServeHTTP(_ *plugin.Context, w http.ResponseWriter, r *http.Request) {
	pause, err := time.ParseDuration(r.URL.Query().Get("pause"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	job := &dumpJob{ID: model.NewId(), Status: model.JobStatusSuccess, CreateAt: model.GetMillis()}
	if err := n.updateJob(job, pause); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(job)
}

func (n *goNode) updateJob(job *dumpJob, pause time.Duration) error {
	lock, err := cluster.NewMutex(n.API, jobLock)
	if err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	b, appErr := n.API.KVGet(jobList)
	if appErr != nil {
		return appErr
	}
	jobs := map[string]*dumpJob{}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &jobs); err != nil {
			return err
		}
	}
	time.Sleep(pause)
	jobs[job.ID] = job
	if b, err = json.Marshal(jobs); err != nil {
		return err
	}
	if appErr := n.API.KVSet(jobList, b); appErr != nil {
		return appErr
	}
	return nil
}

func main() {
	plugin.ClientMain(&goNode{})
}
