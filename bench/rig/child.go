package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/bench/benchv1"
	"github.com/protomicro/micro/bench/peer"
	"github.com/protomicro/micro/bench/scenario"
)

// The subcommands of a program that lets Child handle its arguments.
const (
	serverCommand = "server" // peer [profile]
	clientCommand = "client" // peer address [profile]
)

// A hello is the first thing that a child writes.
type hello struct {
	Addr string // where a server listens
}

// An order is what a child is asked, one JSON value per line; it answers each with a statement. A child ends when
// there are no more.
type order struct {
	Scenario string        // for a client to run; a server only tells its usage
	Duration time.Duration // of the scenario
}

type statement struct {
	Error  string
	Result scenario.Result // of a client
	Usage  usage           // of a client for the scenario, of a server so far
	Conns  int             // a server has accepted so far
}

// Child runs one side of a benchmark if args ask for it, until in ends. Otherwise handled is false: the program is not
// the child of a Run.
func Child(ctx context.Context, args []string, in io.Reader, out io.Writer) (handled bool, err error) {
	if len(args) == 0 || args[0] != serverCommand && args[0] != clientCommand {
		return false, nil
	}
	serves := args[0] == serverCommand
	args = args[1:]
	if len(args) == 0 || !serves && len(args) == 1 {
		return true, errors.New("too few arguments for a child")
	}
	p, ok := peer.Find(args[0])
	if !ok {
		return true, fmt.Errorf("there is no peer %q", args[0])
	}
	c := child{in: json.NewDecoder(in), out: json.NewEncoder(out)}
	args = args[1:]
	if serves {
		return true, profiled(args, func() error { return c.serve(ctx, p) })
	}
	return true, profiled(args[1:], func() error { return c.call(ctx, p, args[0]) })
}

// A child is one side of a benchmark.
type child struct {
	in  *json.Decoder
	out *json.Encoder
}

// serve serves the peer on a port of its own.
func (c child) serve(ctx context.Context, p peer.Peer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nl, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l := &counting{Listener: nl}
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, l) }() // waited for below
	err = c.obey(hello{Addr: l.Addr().String()}, func(order) statement {
		return statement{Usage: used(), Conns: int(l.conns.Load())}
	})
	cancel()
	return errors.Join(err, <-served)
}

// call calls the peer's server on addr.
func (c child) call(ctx context.Context, p peer.Peer, addr string) error {
	echo, err := p.Dial(addr)
	if err != nil {
		return err
	}
	if _, err := echo.Call(ctx, &benchv1.Payload{}); err != nil { // callers that all come first could connect each by itself
		return errors.Join(err, echo.Close())
	}
	err = c.obey(hello{}, func(o order) statement {
		s, ok := scenario.Find(o.Scenario)
		if !ok {
			return statement{Error: fmt.Sprintf("there is no scenario %q", o.Scenario)}
		}
		before := used()
		res, err := s.Run(ctx, echo, o.Duration)
		if err != nil {
			return statement{Error: err.Error()}
		}
		return statement{Result: res, Usage: used().since(before)}
	})
	return errors.Join(err, echo.Close())
}

// obey says hello and answers orders until there are no more.
func (c child) obey(h hello, do func(order) statement) error {
	err := c.out.Encode(h)
	for err == nil {
		var o order
		if err = c.in.Decode(&o); err == nil {
			err = c.out.Encode(do(o))
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// counting counts the connections that a listener accepts.
type counting struct {
	net.Listener
	conns atomic.Int32
}

func (l *counting) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		l.conns.Add(1)
	}
	return nc, err
}
