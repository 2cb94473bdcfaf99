package host

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/public/plugin"
)

// request is one line of stdin, reply the line of stdout that answers it. Requests run at the same time; lines on
// stdout that carry "event" instead of "id" tell what the plugin did by itself (a log line, a post).
type request struct {
	ID   int             `json:"id"`
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args"`
}

type reply struct {
	ID     int     `json:"id"`
	Result any     `json:"result"`
	Error  string  `json:"error,omitempty"`
	Millis float64 `json:"ms"`
}

// config is the argument of "set_config" and of "configuration_will_be_saved".
type config struct {
	Config       json.RawMessage `json:"config"`
	PluginConfig map[string]any  `json:"plugin_config"`
}

func serveControl(in io.Reader, emit func(any)) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	var h *Host
	var calls sync.WaitGroup
	for lines.Scan() {
		var req request
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			fmt.Fprintln(os.Stderr, "control:", err)
			break
		}
		if req.Op == "start" {
			var err error
			h, err = start(req.Args, emit)
			answer(emit, req.ID, time.Now(), startResult(h), err)
			continue
		}
		calls.Add(1)
		go func() {
			defer calls.Done()
			began := time.Now()
			result, err := h.perform(req.Op, req.Args)
			answer(emit, req.ID, began, result, err)
		}()
	}
	if h != nil {
		h.close()
	}
}

func start(args json.RawMessage, emit func(any)) (*Host, error) {
	var opts Options
	if err := json.Unmarshal(args, &opts); err != nil {
		return nil, err
	}
	return newHost(opts, emit)
}

func startResult(h *Host) any {
	if h == nil {
		return nil
	}
	return map[string]any{"address": h.listener.Addr().String(), "server_version": model.CurrentVersion}
}

func answer(emit func(any), id int, began time.Time, result any, err error) {
	r := reply{ID: id, Result: result, Millis: float64(time.Since(began).Microseconds()) / 1000}
	if err != nil {
		r.Error = err.Error()
	}
	emit(r)
}

// operations without arguments.
func (h *Host) perform(op string, args json.RawMessage) (any, error) {
	switch op {
	case "activate":
		_, activated, err := h.env.Activate(h.id)
		return activated, err
	case "deactivate":
		return h.env.Deactivate(h.id), nil
	case "remove":
		h.env.RemovePlugin(h.id)
		return nil, nil
	case "ping":
		return nil, h.env.PerformHealthCheck(h.id)
	case "check_health":
		return nil, h.checkHealth()
	case "state":
		return h.env.GetPluginState(h.id), nil
	case "statuses":
		return h.env.Statuses()
	case "kv":
		return h.api.kv.snapshot(), nil
	case "commands":
		return h.api.registeredCommands(), nil
	case "support_data":
		return h.supportData()
	default:
		return h.performWith(op, args)
	}
}

// operations that take arguments.
func (h *Host) performWith(op string, args json.RawMessage) (any, error) {
	switch op {
	case "set_config":
		return decoded(args, h.changeConfig)
	case "configuration_will_be_saved":
		return decoded(args, h.configurationWillBeSaved)
	case "command":
		return decoded(args, h.executeCommand)
	case "cluster_event":
		return decoded(args, h.clusterEvent)
	case "kv_set":
		return decoded(args, func(values map[string][]byte) (any, error) {
			for key, value := range values {
				h.api.kv.set(key, value, 0)
			}
			return nil, nil
		})
	default:
		return nil, fmt.Errorf("unknown operation %q", op)
	}
}

func decoded[T any](args json.RawMessage, run func(T) (any, error)) (any, error) {
	var value T
	if err := json.Unmarshal(args, &value); err != nil {
		return nil, err
	}
	return run(value)
}

// changeConfig stores the configuration and tells the plugin, as the server does after each save.
func (h *Host) changeConfig(c config) (any, error) {
	if err := h.api.setConfig(c.Config, c.PluginConfig); err != nil {
		return nil, err
	}
	if !h.env.IsActive(h.id) {
		return nil, nil
	}
	hooks, err := h.hooks()
	if err != nil {
		return nil, err
	}
	return nil, hooks.OnConfigurationChange()
}

// configurationWillBeSaved answers whether the plugin returned a configuration of its own; a refusal is the error.
func (h *Host) configurationWillBeSaved(c config) (any, error) {
	hooks, err := h.hooks()
	if err != nil {
		return nil, err
	}
	cfg, err := h.api.buildConfig(c.Config, c.PluginConfig)
	if err != nil {
		return nil, err
	}
	replaced, err := hooks.ConfigurationWillBeSaved(cfg)
	return replaced != nil, err
}

func (h *Host) executeCommand(args *model.CommandArgs) (any, error) {
	hooks, err := h.hooks()
	if err != nil {
		return nil, err
	}
	response, appErr := hooks.ExecuteCommand(&plugin.Context{RequestId: model.NewId()}, args)
	if appErr != nil {
		return nil, appErr
	}
	return response, nil
}

func (h *Host) clusterEvent(event model.PluginClusterEvent) (any, error) {
	hooks, err := h.hooks()
	if err != nil {
		return nil, err
	}
	hooks.OnPluginClusterEvent(&plugin.Context{}, event)
	return nil, nil
}
