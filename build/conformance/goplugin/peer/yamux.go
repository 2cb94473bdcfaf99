package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/hashicorp/yamux"
)

func newSession(role, path string) (*yamux.Session, error) {
	conn, err := dial(path)
	if err != nil {
		return nil, err
	}
	if role == "client" {
		return yamux.Client(conn, nil)
	}
	return yamux.Server(conn, nil)
}

// echo <role> <socket>: sends back what comes on each stream, until the session ends.
func echo(args []string) error {
	session, err := newSession(args[0], args[1])
	if err != nil {
		return err
	}
	for {
		stream, err := session.Accept()
		if err != nil {
			return nil
		}
		go func() {
			_, _ = io.Copy(stream, stream)
			_ = stream.Close()
		}()
	}
}

// drive <role> <socket>: talks to an echoing session in all the ways that matter.
func drive(args []string) error {
	session, err := newSession(args[0], args[1])
	if err != nil {
		return err
	}
	steps := map[string]func(*yamux.Session) error{
		"many streams":  manyStreams,
		"large body":    largeBody,
		"ping":          pingOften,
		"stream churn":  churn,
		"aborted write": abandon,
	}
	for name, step := range steps {
		if err := step(session); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if n := session.NumStreams(); n != 0 {
		return fmt.Errorf("%d streams are left over", n)
	}
	return session.Close()
}

func manyStreams(session *yamux.Session) error {
	var group sync.WaitGroup
	failures := make(chan error, 200)
	for i := range 200 {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := messages(session, i); err != nil {
				failures <- err
			}
		}()
	}
	group.Wait()
	close(failures)
	return <-failures
}

func messages(session *yamux.Session, seed int) error {
	stream, err := session.Open()
	if err != nil {
		return err
	}
	for i := range 50 {
		sent := bytes.Repeat([]byte{byte(seed), byte(i)}, 1+(seed*i)%1500)
		if _, err := stream.Write(sent); err != nil {
			return err
		}
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(stream, got); err != nil {
			return err
		}
		if !bytes.Equal(sent, got) {
			return fmt.Errorf("stream %d message %d came back changed", seed, i)
		}
	}
	return closeAndDrain(stream)
}

// closeAndDrain ends our half and expects the other side to end its half too.
func closeAndDrain(stream net.Conn) error {
	if err := stream.Close(); err != nil {
		return err
	}
	rest, err := io.ReadAll(stream)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(rest))
	}
	return err
}

func largeBody(session *yamux.Session) error {
	const blocks, blockSize = 1600, 64 * 1024
	stream, err := session.Open()
	if err != nil {
		return err
	}
	sent := sha256.New()
	failed := make(chan error, 1)
	go func() {
		block := make([]byte, blockSize)
		for i := range blocks {
			block[0], block[blockSize-1] = byte(i), byte(i>>8)
			sent.Write(block)
			if _, err := stream.Write(block); err != nil {
				failed <- err
				return
			}
		}
		failed <- stream.Close()
	}()
	got := sha256.New()
	n, err := io.Copy(got, stream)
	if err := errors.Join(err, <-failed); err != nil {
		return err
	}
	if n != blocks*blockSize || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		return fmt.Errorf("%d bytes came back, or other ones", n)
	}
	return nil
}

func pingOften(session *yamux.Session) error {
	for range 100 {
		if _, err := session.Ping(); err != nil {
			return err
		}
	}
	return nil
}

// churn opens more streams than the backlog and the window updates of dead ones allow.
func churn(session *yamux.Session) error {
	for i := range 1000 {
		stream, err := session.Open()
		if err != nil {
			return err
		}
		if _, err := stream.Write([]byte{byte(i)}); err != nil {
			return err
		}
		if err := stream.Close(); err != nil {
			return err
		}
		if got, err := io.ReadAll(stream); err != nil || len(got) != 1 {
			return fmt.Errorf("stream %d gave %d bytes: %w", i, len(got), err)
		}
	}
	return nil
}

// abandon writes and closes at the same time, as Go programs do: data may follow the FIN.
func abandon(session *yamux.Session) error {
	for range 50 {
		stream, err := session.Open()
		if err != nil {
			return err
		}
		var group sync.WaitGroup
		group.Add(1)
		go func() {
			defer group.Done()
			for range 20 {
				if _, err := stream.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}()
		_ = stream.Close()
		group.Wait()
		if _, err := io.Copy(io.Discard, stream); err != nil {
			return err
		}
	}
	return nil
}
