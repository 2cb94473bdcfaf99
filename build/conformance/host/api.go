package host

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/public/plugin"
)

// api answers the plugin's calls. Methods it lacks panic through the nil interface, which names them in the trace.
type api struct {
	plugin.API
	host       *Host
	emit       func(any)
	kv         *kvStore
	admins     []string
	licensed   bool
	bundlePath string

	mu           sync.Mutex
	config       *model.Config
	pluginConfig map[string]any
	commands     map[string]*model.Command
}

type logEvent struct {
	Event   string            `json:"event"`
	Level   string            `json:"level"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields"`
}

type postEvent struct {
	Event  string      `json:"event"`
	UserID string      `json:"user_id"`
	Post   *model.Post `json:"post"`
}

type clusterEvent struct {
	Event   string                              `json:"event"`
	Sent    model.PluginClusterEvent            `json:"sent"`
	Options model.PluginClusterEventSendOptions `json:"options"`
}

func newAPI(h *Host, opts Options, emit func(any)) *api {
	return &api{host: h, emit: emit, kv: newKVStore(), admins: opts.Admins, licensed: opts.Licensed, commands: map[string]*model.Command{}}
}

// buildConfig lays JSON over the defaults of a new server; the plugin's own settings go where the server keeps them.
func (a *api) buildConfig(overlay json.RawMessage, pluginConfig map[string]any) (*model.Config, error) {
	cfg := &model.Config{}
	cfg.SetDefaults()
	if len(overlay) > 0 {
		if err := json.Unmarshal(overlay, cfg); err != nil {
			return nil, err
		}
	}
	if cfg.PluginSettings.Plugins == nil {
		cfg.PluginSettings.Plugins = map[string]map[string]any{}
	}
	cfg.PluginSettings.Plugins[a.host.id] = pluginConfig
	return cfg, nil
}

func (a *api) setConfig(overlay json.RawMessage, pluginConfig map[string]any) error {
	cfg, err := a.buildConfig(overlay, pluginConfig)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.config, a.pluginConfig = cfg, pluginConfig
	return nil
}

func (a *api) registeredCommands() []*model.Command {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.commands))
}

func (a *api) LoadPluginConfiguration(dest any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, err := json.Marshal(a.pluginConfig)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, dest)
}

func (a *api) GetPluginConfig() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.pluginConfig)
}

func (a *api) SavePluginConfig(config map[string]any) *model.AppError {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pluginConfig = config
	return nil
}

// GetConfig hides one secret, so that a test can tell it from GetUnsanitizedConfig; Config.Sanitize has other arguments
// in each release.
func (a *api) GetConfig() *model.Config {
	cfg := a.GetUnsanitizedConfig()
	*cfg.SqlSettings.DataSource = model.FakeSetting
	return cfg
}

func (a *api) GetUnsanitizedConfig() *model.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.config.Clone()
}

func (a *api) GetLicense() *model.License {
	if !a.licensed {
		return nil
	}
	license := &model.License{Id: model.NewId(), Customer: &model.Customer{Id: "customer"}, Features: &model.Features{}}
	license.Features.SetDefaults()
	return license
}

func (a *api) HasPermissionTo(userID string, permission *model.Permission) bool {
	return slices.Contains(a.admins, userID)
}

func (a *api) GetServerVersion() string       { return model.CurrentVersion }
func (a *api) GetTelemetryId() string         { return "conformance" }
func (a *api) GetDiagnosticId() string        { return "conformance" }
func (a *api) GetBundlePath() (string, error) { return a.bundlePath, nil }
func (a *api) GetPluginID() string            { return a.host.id }
func (a *api) IsEnterpriseReady() bool        { return a.licensed }

func (a *api) GetSystemInstallDate() (int64, *model.AppError) { return 1_700_000_000_000, nil }

func (a *api) GetPluginStatus(id string) (*model.PluginStatus, *model.AppError) {
	statuses, err := a.host.env.Statuses()
	if err != nil {
		return nil, model.NewAppError("GetPluginStatus", "app.plugin.get_statuses.app_error", nil, err.Error(), http.StatusInternalServerError)
	}
	for _, status := range statuses {
		if status.PluginId == id {
			return status, nil
		}
	}
	return nil, model.NewAppError("GetPluginStatus", "app.plugin.not_installed.app_error", nil, "", http.StatusNotFound)
}

func (a *api) RegisterCommand(command *model.Command) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if command.Trigger == "" {
		return fmt.Errorf("invalid command")
	}
	if command.AutocompleteData != nil {
		if err := command.AutocompleteData.IsValid(); err != nil {
			return err
		}
	}
	a.commands[command.Trigger] = command
	return nil
}

func (a *api) UnregisterCommand(teamID, trigger string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.commands, trigger)
	return nil
}

func (a *api) SendEphemeralPost(userID string, post *model.Post) *model.Post {
	post.Id = model.NewId()
	a.emit(postEvent{"ephemeral_post", userID, post})
	return post
}

func (a *api) CreatePost(post *model.Post) (*model.Post, *model.AppError) {
	post.Id = model.NewId()
	a.emit(postEvent{"post", post.UserId, post})
	return post, nil
}

func (a *api) EnsureBotUser(bot *model.Bot) (string, error) { return "bot-" + bot.Username, nil }

func (a *api) PublishPluginClusterEvent(ev model.PluginClusterEvent, opts model.PluginClusterEventSendOptions) error {
	a.emit(clusterEvent{"cluster_event", ev, opts})
	return nil
}

func (a *api) LogDebug(msg string, fields ...any) { a.log("debug", msg, fields) }
func (a *api) LogInfo(msg string, fields ...any)  { a.log("info", msg, fields) }
func (a *api) LogWarn(msg string, fields ...any)  { a.log("warn", msg, fields) }
func (a *api) LogError(msg string, fields ...any) { a.log("error", msg, fields) }

func (a *api) log(level, msg string, keyValuePairs []any) {
	fields := map[string]string{}
	for i := 0; i+1 < len(keyValuePairs); i += 2 {
		fields[fmt.Sprint(keyValuePairs[i])] = fmt.Sprint(keyValuePairs[i+1])
	}
	a.emit(logEvent{"log", level, msg, fields})
}
