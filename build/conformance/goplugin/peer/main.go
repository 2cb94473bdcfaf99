// The Go counterparts of server/src/protocol/{yamux,netrpc,goplugin}: each command is one end of a
// conversation whose other end is ours. It ends with "ok" on standard output, or fails.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	log.SetFlags(0)
	commands := map[string]func(args []string) error{
		"echo":       echo,
		"drive":      drive,
		"rpc-server": rpcServer,
		"rpc-client": rpcClient,
		"host":       host,
		"plugin":     servePlugin,
	}
	run, ok := commands[os.Args[1]]
	if !ok {
		log.Fatalf("unknown command %q", os.Args[1])
	}
	if err := run(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ok")
}

func dial(path string) (net.Conn, error) {
	return net.Dial("unix", path)
}
