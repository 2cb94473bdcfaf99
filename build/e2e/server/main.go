// The real Mattermost server 9.9.0, unmodified, as the counterpart of `make e2e`.
//
// It is cmd/mattermost/main.go of github.com/mattermost/mattermost at the commit that go.mod pins; build it with
// `-tags sourceavailable` (see ../server-build.ts).
package main

import (
	"os"

	_ "github.com/mattermost/mattermost/server/v8/channels/app/slashcommands"
	"github.com/mattermost/mattermost/server/v8/cmd/mattermost/commands"
	_ "github.com/mattermost/mattermost/server/v8/enterprise"
)

func main() {
	if err := commands.Run(os.Args[1:]); err != nil {
		os.Exit(1)
	}
}
