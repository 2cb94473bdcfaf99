package main

import (
	"errors"
	"fmt"
	"net/rpc"
	"strings"
)

type Pair struct{ A, B int }

// Arith is the service on both sides of the net/rpc tests.
type Arith struct{}

func (Arith) Add(args *Pair, reply *int) error {
	*reply = args.A + args.B
	return nil
}

func (Arith) Fail(args string, _ *struct{}) error {
	return errors.New("failed: " + args)
}

func (Arith) Repeat(args map[string]int, reply *[]string) error {
	for text, count := range args {
		*reply = append(*reply, strings.Repeat(text, count))
	}
	return nil
}

// rpc-server <socket>: serves Arith until the caller hangs up.
func rpcServer(args []string) error {
	conn, err := dial(args[0])
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.Register(Arith{}); err != nil {
		return err
	}
	server.ServeConn(conn)
	return nil
}

// rpc-client <socket>: calls Arith on the other side.
func rpcClient(args []string) error {
	conn, err := dial(args[0])
	if err != nil {
		return err
	}
	return callArith(rpc.NewClient(conn))
}

func callArith(client *rpc.Client) error {
	var calls []*rpc.Call
	for i := range 500 {
		calls = append(calls, client.Go("Arith.Add", &Pair{i, i}, new(int), nil))
	}
	for i, call := range calls {
		<-call.Done
		if sum := *call.Reply.(*int); call.Error != nil || sum != 2*i {
			return fmt.Errorf("%d + %d = %d, %w", i, i, sum, call.Error)
		}
	}
	errorCases := map[string]string{
		"Arith.Fail":    "failed: now",
		"Arith.Missing": "rpc: can't find method Arith.Missing",
		"Other.Fail":    "rpc: can't find service Other.Fail",
	}
	for method, want := range errorCases {
		err := client.Call(method, "now", new(struct{}))
		if err == nil || err.Error() != want {
			return fmt.Errorf("%s answered %v", method, err)
		}
	}
	// An argument of the wrong type fails its call alone.
	if err := client.Call("Arith.Add", "two", new(int)); err == nil {
		return errors.New("a text was added")
	}
	var lines []string
	if err := client.Call("Arith.Repeat", map[string]int{"ab": 200_000}, &lines); err != nil {
		return err
	}
	if len(lines) != 1 || lines[0] != strings.Repeat("ab", 200_000) {
		return fmt.Errorf("%d lines came back", len(lines))
	}
	return client.Close()
}
