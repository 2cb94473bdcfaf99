module github.com/mattermost/mattermost-plugin-metrics/build/conformance/gob/random

go 1.25
