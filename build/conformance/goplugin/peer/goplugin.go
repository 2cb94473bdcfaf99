package main

import (
	"errors"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

var handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "PEER_PLUGIN",
	MagicCookieValue: "peer",
}

// arithPlugin serves and calls Arith, and adds Back, which calls the host through the broker.
type arithPlugin struct{}

type backArith struct {
	Arith
	broker *goplugin.MuxBroker
}

// Back adds on the side that called, by a stream with the given number.
func (b *backArith) Back(number uint32, reply *int) error {
	conn, err := b.broker.Dial(number)
	if err != nil {
		return err
	}
	client := rpc.NewClient(conn)
	fmt.Println("said on stdout")
	fmt.Fprintln(os.Stderr, "said on stderr")
	return errors.Join(client.Call("Plugin.Add", &Pair{20, 22}, reply), client.Close())
}

func (arithPlugin) Server(broker *goplugin.MuxBroker) (any, error) {
	return &backArith{broker: broker}, nil
}

func (arithPlugin) Client(broker *goplugin.MuxBroker, client *rpc.Client) (any, error) {
	return &dispensed{broker, client}, nil
}

type dispensed struct {
	broker *goplugin.MuxBroker
	client *rpc.Client
}

var plugins = goplugin.PluginSet{"arith": arithPlugin{}}

// plugin: a plugin as go-plugin serves it.
func servePlugin([]string) error {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Off})
	goplugin.Serve(&goplugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins, Logger: logger})
	return nil
}

// output collects what the plugin writes; the host writes to it from several goroutines.
type output struct {
	lock sync.Mutex
	text strings.Builder
}

func (o *output) Write(bytes []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.Write(bytes)
}

func (o *output) waitFor(text string) error {
	for range 200 {
		o.lock.Lock()
		found := strings.Contains(o.text.String(), text)
		o.lock.Unlock()
		if found {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the plugin did not say %q", text)
}

// host <command> [argument...]: starts a plugin, uses it, and ends it.
func host(args []string) error {
	var stdout, stderr output
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         plugins,
		Cmd:             exec.Command(args[0], args[1:]...),
		SyncStdout:      &stdout,
		SyncStderr:      &stderr,
		StartTimeout:    20 * time.Second,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	})
	defer client.Kill()
	if err := useAsHost(client); err != nil {
		return err
	}
	if err := errors.Join(stdout.waitFor("said on stdout"), stderr.waitFor("said on stderr")); err != nil {
		return err
	}
	start := time.Now()
	client.Kill()
	if took := time.Since(start); took > 1900*time.Millisecond {
		return fmt.Errorf("the plugin took %v to quit, or was killed", took)
	}
	return nil
}

func useAsHost(client *goplugin.Client) error {
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	for range 100 {
		if err := protocol.Ping(); err != nil {
			return err
		}
	}
	if _, err := protocol.Dispense("nothing"); err == nil {
		return errors.New("an unknown plugin was dispensed")
	}
	raw, err := protocol.Dispense("arith")
	if err != nil {
		return err
	}
	plugin := raw.(*dispensed)
	var sum int
	if err := plugin.client.Call("Plugin.Add", &Pair{1, 2}, &sum); err != nil || sum != 3 {
		return fmt.Errorf("1 + 2 = %d, %w", sum, err)
	}
	for range 300 {
		number := plugin.broker.NextId()
		go plugin.broker.AcceptAndServe(number, Arith{})
		if err := plugin.client.Call("Plugin.Back", number, &sum); err != nil || sum != 42 {
			return fmt.Errorf("20 + 22 = %d, %w", sum, err)
		}
	}
	// A number that nobody accepts: the plugin gives up within the broker's limit.
	start := time.Now()
	err = plugin.client.Call("Plugin.Back", uint32(1_000_000), &sum)
	if err == nil || time.Since(start) > 8*time.Second {
		return fmt.Errorf("dialling nobody gave %v after %v", err, time.Since(start))
	}
	return nil
}
