// The official plugin host of server/public v0.4.2; everything is in package host.
package main

import "github.com/mattermost/mattermost-plugin-metrics/build/conformance/host"

func main() { host.Run() }
