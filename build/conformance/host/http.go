package host

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/public/plugin"
)

// userHeader names the signed-in user in place of a session token.
const userHeader = "X-Conformance-User"

// listen serves /plugins/<id>/... as the server's web listener does and /metrics-listener/plugins/<id>/metrics...
// as its metrics listener does.
func (h *Host) listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h.listener = listener
	mux := http.NewServeMux()
	mux.HandleFunc("/plugins/"+h.id+"/", func(w http.ResponseWriter, r *http.Request) {
		h.forward(w, r, "/plugins/"+h.id, plugin.Hooks.ServeHTTP)
	})
	metricsPrefix := "/metrics-listener/plugins/" + h.id + "/metrics"
	mux.HandleFunc(metricsPrefix, func(w http.ResponseWriter, r *http.Request) {
		h.forward(w, r, metricsPrefix, plugin.Hooks.ServeMetrics)
	})
	// As the real server has it; what is set later counts for the next start.
	limit := time.Duration(*h.api.GetConfig().ServiceSettings.WriteTimeout) * time.Second
	server := &http.Server{Handler: mux, WriteTimeout: limit}
	go func() { _ = server.Serve(listener) }()
	return nil
}

type httpHook func(plugin.Hooks, *plugin.Context, http.ResponseWriter, *http.Request)

// forward does what app/plugin_requests.go of the server does between the socket and the hook: the user header comes
// from the session alone, and the prefix is cut off the path.
func (h *Host) forward(w http.ResponseWriter, r *http.Request, prefix string, hook httpHook) {
	hooks, err := h.hooks()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	// Without this Go ends the request's body at the first byte of the answer, as the real server does with HTTP/1; the
	// streams between host and plugin are to be tried in both directions at once.
	_ = http.NewResponseController(w).EnableFullDuplex()
	r.Header.Del("Mattermost-Plugin-ID")
	r.Header.Del("Mattermost-User-Id")
	if user := r.Header.Get(userHeader); user != "" {
		r.Header.Set("Mattermost-User-Id", user)
	}
	r.Header.Del(userHeader)
	r.Header.Del("Referer")
	r.URL.Path = strings.TrimPrefix(r.URL.Path, prefix)
	c := &plugin.Context{RequestId: model.NewId(), IPAddress: r.RemoteAddr, UserAgent: r.UserAgent()}
	hook(hooks, c, w, r)
}
