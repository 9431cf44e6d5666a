package httptransport

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// A Server serves HTTP on connections that are handed to it, each of which may speak HTTP/1.1 or HTTP/2, which the
// server tells apart by the first bytes. It is safe for concurrent use; its fields must not be changed once it is used.
type Server struct {
	Handler http.Handler
	Limits  Limits
	Log     *slog.Logger // what goes wrong outside of a request; nil discards

	start sync.Once
	http  *http.Server
	conns queue

	mu      sync.Mutex // guards below
	idle    sync.Cond  // running is 0
	running int        // connections, requests, and the accepting goroutine
	closed  bool
}

// ServeConn serves the requests on nc, which the server owns from then on, and returns at once. nc may be the result of a
// TLS handshake, whatever protocol that has agreed on. After Shutdown it closes nc.
func (s *Server) ServeConn(nc net.Conn) {
	s.start.Do(s.init)
	if !s.enter() {
		_ = nc.Close()
		return
	}
	if !s.conns.put(&conn{Conn: nc, timeout: s.Limits.WriteTimeout}) {
		s.leave()
		_ = nc.Close()
	}
}

func (s *Server) init() {
	s.idle.L = &s.mu
	s.conns = queue{conns: make(chan net.Conn), done: make(chan struct{})}
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: s.Limits.HandshakeTimeout,
		IdleTimeout:       s.Limits.IdleTimeout,
		MaxHeaderBytes:    s.Limits.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: s.Limits.Calls,
			SendPingTimeout:      s.Limits.PingInterval,
			PingTimeout:          s.Limits.PingTimeout,
		},
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				s.leave()
			}
		},
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetUnencryptedHTTP2(true)
	if s.enter() {
		go func() {
			defer s.leave()
			_ = s.http.Serve(&s.conns) // ends with Shutdown
		}()
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	s.Handler.ServeHTTP(w, r)
}

// Shutdown takes no further connection or request and waits for the requests that run; when ctx ends it closes their
// connections, and returns ctx's error. In both cases it waits until every handler has returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.start.Do(s.init)
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.running > 0 {
		s.idle.Wait()
	}
	s.closed = true
	return err
}

// enter counts what Shutdown has to wait for. It returns false if Shutdown waits no more.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if s.running == 0 {
		s.idle.Broadcast()
	}
}

// A queue is a net.Listener that accepts what is put into it.
type queue struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (q *queue) put(nc net.Conn) bool {
	select {
	case q.conns <- nc:
		return true
	case <-q.done:
		return false
	}
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case nc := <-q.conns:
		return nc, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

func (q *queue) Addr() net.Addr { return &net.UnixAddr{Name: "http", Net: "queue"} }
