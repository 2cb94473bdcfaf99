// The official plugin host of server/public v0.0.14; everything is in package host.
package main

import (
	_ "github.com/go-sql-driver/mysql" // servers of this release run on MySQL as well

	"github.com/mattermost/mattermost-plugin-metrics/build/conformance/host"
)

func main() { host.Run() }
