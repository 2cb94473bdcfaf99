// Package host runs one plugin under the official Mattermost plugin host (server/public/plugin.Environment), without
// a Mattermost server around it, and lets a test drive it by JSON lines on stdin and stdout (see control.go).
//
// The same source is linked against different releases of server/public: the modules ../host-v* only pin one each.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/public/plugin"
	"github.com/mattermost/mattermost/server/public/shared/mlog"
)

// Options is the argument of the "start" operation.
type Options struct {
	PluginID     string          `json:"plugin_id"`
	PluginDir    string          `json:"plugin_dir"`
	WebappDir    string          `json:"webapp_dir"`
	Database     string          `json:"database"`      // connection string of PostgreSQL or MySQL; empty for none
	Config       json.RawMessage `json:"config"`        // laid over the defaults of model.Config
	PluginConfig map[string]any  `json:"plugin_config"` // what LoadPluginConfiguration answers
	Admins       []string        `json:"admins"`        // user ids with every permission
	Licensed     bool            `json:"licensed"`      // a licence with the metrics feature
}

// Host owns the plugin environment and everything its API answers from.
type Host struct {
	id       string
	env      *plugin.Environment
	api      *api
	driver   *driverImpl
	listener net.Listener
	logger   *mlog.Logger
}

// metrics swallows the measurements that the environment takes of each call.
type metrics struct{}

func (metrics) ObservePluginHookDuration(string, string, bool, float64) {}
func (metrics) ObservePluginMultiHookIterationDuration(string, float64) {}
func (metrics) ObservePluginMultiHookDuration(float64)                  {}
func (metrics) ObservePluginAPIDuration(string, string, bool, float64)  {}

func newHost(opts Options, emit func(event any)) (*Host, error) {
	logger, err := newLogger()
	if err != nil {
		return nil, err
	}
	driver, err := newDriver(opts.Database)
	if err != nil {
		return nil, err
	}
	h := &Host{id: opts.PluginID, logger: logger, driver: driver}
	h.api = newAPI(h, opts, emit)
	if err := h.api.setConfig(opts.Config, opts.PluginConfig); err != nil {
		return nil, err
	}
	newAPIImpl := func(*model.Manifest) plugin.API { return h.api }
	h.env, err = plugin.NewEnvironment(newAPIImpl, driver, opts.PluginDir, opts.WebappDir, logger, metrics{})
	if err != nil {
		return nil, err
	}
	h.api.bundlePath = filepath.Join(opts.PluginDir, opts.PluginID)
	return h, h.listen()
}

// newLogger writes everything that the environment logs to stderr as JSON lines, the plugin's own stderr among it.
func newLogger() (*mlog.Logger, error) {
	logger, err := mlog.NewLogger()
	if err != nil {
		return nil, err
	}
	levels := []mlog.Level{mlog.LvlDebug, mlog.LvlInfo, mlog.LvlWarn, mlog.LvlError, mlog.LvlCritical}
	target := mlog.TargetCfg{Type: "console", Format: "json", Options: json.RawMessage(`{"out":"stderr"}`), Levels: levels, MaxQueueSize: 1000}
	if err := logger.ConfigureTargets(mlog.LoggerConfiguration{"console": target}, nil); err != nil {
		return nil, err
	}
	mlog.InitGlobalLogger(logger)
	return logger, nil
}

func (h *Host) hooks() (plugin.Hooks, error) {
	return h.env.HooksForPlugin(h.id)
}

// supportData is missing from plugin.Hooks of old releases.
type supportData interface {
	GenerateSupportData(c *plugin.Context) ([]*model.FileData, error)
}

func (h *Host) supportData() ([]*model.FileData, error) {
	hooks, err := h.hooks()
	if err != nil {
		return nil, err
	}
	generator, ok := hooks.(supportData)
	if !ok {
		return nil, errors.New("this release of the host has no GenerateSupportData hook")
	}
	return generator.GenerateSupportData(&plugin.Context{})
}

// checkHealth does at once what the health check job does every 30 seconds: ping, and restart what does not answer.
func (h *Host) checkHealth() error {
	h.env.TogglePluginHealthCheckJob(true)
	h.env.GetPluginHealthCheckJob().CheckPlugin(h.id)
	return nil
}

func (h *Host) close() {
	h.env.Shutdown()
	h.listener.Close()
	h.driver.close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = h.logger.ShutdownWithTimeout(ctx)
}

// Run serves the control channel until stdin ends, then shuts the plugin down.
func Run() {
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	emit := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(v); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	serveControl(os.Stdin, emit)
}
