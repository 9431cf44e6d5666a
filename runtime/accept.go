package runtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/workers"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
	"github.com/protomicro/micro/transport/sniff"
)

const (
	stopGrace = 5 * time.Second // for handlers to return once their calls were cancelled
	maxPause  = time.Second     // between attempts to accept while the machine is short of something
)

// An acceptor is one run of Server.Serve: it tells the protocols on one port apart and hands each connection on.
type acceptor struct {
	*Server
	cfg      codec.Config
	limits   codec.Limits
	tls      *tls.Config
	pipes    []codec.PipeFormat
	matchers []func([]byte) transport.Match // TLS, the pipe formats, HTTP
	http     *httptransport.Server          // nil without an HTTP format
	workers  workers.Pool
	wg       sync.WaitGroup // of the connections and the listeners

	mu    sync.Mutex            // guards below
	conns map[net.Conn]struct{} // to close by force; nil once that has happened
}

func newAcceptor(s *Server) *acceptor {
	a := &acceptor{Server: s, cfg: s.config(), limits: s.Limits.WithDefaults(), conns: make(map[net.Conn]struct{})}
	a.cfg.Workers = &a.workers
	if s.TLS != nil {
		a.tls = s.TLS.Clone()
		for _, proto := range []string{"h2", "http/1.1"} {
			if !slices.Contains(a.tls.NextProtos, proto) {
				a.tls.NextProtos = append(a.tls.NextProtos, proto)
			}
		}
	}
	a.matchers = append(a.matchers, sniff.TLS)
	hasHTTP := false
	for _, f := range s.formats() {
		if pipe, ok := f.(codec.PipeFormat); ok {
			a.pipes = append(a.pipes, pipe)
			a.matchers = append(a.matchers, pipe.Match)
		}
		if _, ok := f.(codec.HTTPFormat); ok {
			hasHTTP = true
		}
	}
	if hasHTTP {
		a.matchers = append(a.matchers, sniff.HTTP2, sniff.HTTP1)
		a.http = newHTTPServer(s, a.limits)
	}
	return a
}

// run serves until ctx ends or a listener fails.
func (a *acceptor) run(ctx context.Context, listeners []net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, l := range listeners {
		a.wg.Go(func() {
			if err := a.accept(ctx, l); err != nil {
				cancel(fmt.Errorf("runtime: accepting on %v: %w", l.Addr(), err))
			}
		})
	}
	<-ctx.Done()
	a.state.enter(Draining)
	closeAll(listeners)
	err := a.drain()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = errors.Join(cause, err)
	}
	return err
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// drain waits for the connections to end, and ends by force those that do not in time.
func (a *acceptor) drain() error {
	timeout := a.DrainTimeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ended := make(chan struct{})
	go func() { // ends when the last connection does, or with the process if a handler never returns
		defer close(ended)
		if a.http != nil {
			_ = a.http.Shutdown(ctx)
		}
		a.wg.Wait()
		a.workers.Close()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	a.mu.Lock()
	conns := a.conns
	a.conns = nil
	a.mu.Unlock()
	a.log().Warn("calls still run at the end of the drain timeout and are cancelled", "connections", len(conns))
	for nc := range conns {
		_ = nc.Close()
	}
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return fmt.Errorf("runtime: handlers still run %v after their calls were cancelled", stopGrace)
	}
}

// accept accepts connections until ctx ends.
func (a *acceptor) accept(ctx context.Context, l net.Listener) error {
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			a.wg.Go(func() { a.serve(ctx, nc) })
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the listener was closed
		case !passing(err):
			return err
		default:
			pause = min(max(2*pause, 5*time.Millisecond), maxPause)
			a.log().Warn("a connection could not be accepted", "addr", l.Addr().String(), "err", err, "retry", pause)
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
	}
}

// passing tells whether accepting can succeed later: the peer is gone again, or the machine is short of something.
func passing(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// serve serves one connection to its end.
func (a *acceptor) serve(ctx context.Context, nc net.Conn) {
	if !a.track(nc) {
		_ = nc.Close()
		return
	}
	defer a.untrack(nc)
	peer := nc.RemoteAddr().String()
	if err := a.speak(ctx, nc, a.matchers); err != nil {
		_ = nc.Close()
		if ctx.Err() == nil {
			a.log().Info("a connection was refused or broken", "peer", peer, "err", err)
		}
	}
}

// speak finds out which protocol the peer speaks and serves it. It owns nc, unless it returns an error.
func (a *acceptor) speak(ctx context.Context, nc net.Conn, matchers []func([]byte) transport.Match) error {
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() }) // nothing has been asked yet
	sniffed, i, err := sniff.Conn(nc, a.limits.HandshakeTimeout, matchers...)
	if !stop() {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	secured := len(matchers) < len(a.matchers)
	if !secured {
		if i == 0 {
			return a.startTLS(ctx, sniffed)
		}
		if a.tls != nil && !a.Plaintext {
			return errors.New("runtime: a connection without TLS, which this server requires")
		}
		i--
	}
	if i < len(a.pipes) {
		return a.pipes[i].Serve(ctx, sniffed, dispatcher{a.Server}, a.cfg)
	}
	a.http.ServeConn(sniffed)
	return nil
}

func (a *acceptor) startTLS(ctx context.Context, nc net.Conn) error {
	if a.tls == nil {
		return errors.New("runtime: a connection with TLS, for which this server has no configuration")
	}
	hctx, cancel := context.WithTimeout(ctx, a.limits.HandshakeTimeout)
	defer cancel()
	tc, err := transport.ServerTLS(hctx, nc, a.tls)
	if err != nil {
		return err
	}
	return a.speak(ctx, tc, a.matchers[1:])
}

func (a *acceptor) track(nc net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		return false
	}
	a.conns[nc] = struct{}{}
	return true
}

func (a *acceptor) untrack(nc net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, nc)
}
