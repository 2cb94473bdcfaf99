// Command copyplugin is a plugin that answers every request as the Go plugin 0.7.0 answers a download: it copies a file
// to the response with io.Copy. The file is "download.bin" in the working directory.
package main

import (
	"io"
	"net/http"
	"os"

	"github.com/mattermost/mattermost/server/public/plugin"
)

type copyPlugin struct {
	plugin.MattermostPlugin
}

func (copyPlugin) ServeHTTP(_ *plugin.Context, w http.ResponseWriter, _ *http.Request) {
	file, err := os.Open("download.bin")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.WriteHeader(http.StatusOK)
	_, _ = io.Copy(w, file)
}

func main() {
	plugin.ClientMain(&copyPlugin{})
}
