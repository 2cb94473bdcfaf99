// A node that still runs the Go plugin, as far as its lock goes: what mattermost-plugin-metrics v0.7.0 does with
// pluginapi/cluster in server/plugin.go, with the module of the very version that it is built with.
package main

import (
	"context"
	"time"

	"github.com/mattermost/mattermost/server/public/plugin"
	"github.com/mattermost/mattermost/server/public/pluginapi/cluster"
)

const (
	pluginID = "com.mattermost.mattermost-plugin-metrics"
	// It tries for so long in OnActivate, and never again.
	lockTimeout = 20 * time.Second
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

func main() {
	plugin.ClientMain(&goNode{})
}
