package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// A process is a child that takes orders.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	hello hello
}

// start starts this program once more, as a child.
func start(ctx context.Context, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // this very program
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in, out: json.NewDecoder(out)}
	if err := p.out.Decode(&p.hello); err != nil {
		return nil, errors.Join(fmt.Errorf("%v did not start: %w", args, err), p.stop())
	}
	return p, nil
}

// do gives an order and waits for its statement.
func (p *process) do(o order) (statement, error) {
	var s statement
	line, err := json.Marshal(o)
	if err != nil {
		return s, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return s, err
	}
	if err := p.out.Decode(&s); err != nil {
		return s, fmt.Errorf("%v ended: %w", p.cmd.Args[1:], err)
	}
	if s.Error != "" {
		return s, fmt.Errorf("%v: %s", p.cmd.Args[1:], s.Error)
	}
	return s, nil
}

// stop lets the process end and waits for it.
func (p *process) stop() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

// A pair is the two processes of a peer.
type pair struct{ server, client *process }

// startPair starts a server and a client of it. profile is the directory for profiles, or empty.
func startPair(ctx context.Context, peer, profile string) (*pair, error) {
	file := func(side string) []string {
		if profile == "" {
			return nil
		}
		return []string{filepath.Join(profile, peer+"-"+side)}
	}
	server, err := start(ctx, append([]string{serverCommand, peer}, file("server")...)...)
	if err != nil {
		return nil, err
	}
	client, err := start(ctx, append([]string{clientCommand, peer, server.hello.Addr}, file("client")...)...)
	if err != nil {
		return nil, errors.Join(err, server.stop())
	}
	return &pair{server, client}, nil
}

// stop ends both processes.
func (p *pair) stop() error { return errors.Join(p.client.stop(), p.server.stop()) }
