package runtime

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/status"
	"github.com/rs/cors"
)

// A Server answers calls to its handlers, in every one of its formats, on every connection it is given. Its fields must
// not be changed once it serves. The zero value works.
type Server struct {
	Formats      []codec.Format          // default: all that are there
	Codecs       codec.Codecs            // default: proto and JSON
	Middleware   []func(Handler) Handler // around every handler; the first is the outermost
	TLS          *tls.Config             // if set, connections without TLS are refused
	Plaintext    bool                    // serves connections without TLS too, beside TLS
	Limits       codec.Limits            // what one peer can make the server hold; the zero value is safe
	Compression  codec.Compression       // of messages over HTTP; by default the peer chooses among gzip, zstd and snappy
	DrainTimeout time.Duration           // for running calls, once the server is to stop; default 10 s
	CORS         *CORS                   // lets pages of other origins call from a browser; default none may
	Log          *slog.Logger            // default slog.Default()

	handlers []Handler
	state    state
	once     sync.Once
	methods  map[string]Handler // made once, then only read
	services map[string]bool
	cors     *cors.Cors
	err      error // two handlers for one method, or a CORS that cannot be

	compressors codec.Compressors // the default ones, which keep buffers
	defaults    []codec.Format
}

// Handle adds handlers. Generated code calls it, before the server serves. A method with two handlers is an error that
// Serve returns.
func (s *Server) Handle(handlers ...Handler) { s.handlers = append(s.handlers, handlers...) }

// Services returns the full names of the services that have handlers, sorted.
func (s *Server) Services() []string {
	_ = s.prepare()
	names := make([]string, 0, len(s.services))
	for name := range s.services {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// prepare makes the handlers ready to serve.
func (s *Server) prepare() error {
	s.once.Do(func() {
		s.cors, s.err = newCORS(s.CORS)
		s.compressors = compress.All()
		s.methods = make(map[string]Handler, len(s.handlers))
		s.services = make(map[string]bool)
		for _, h := range s.handlers {
			if _, twice := s.methods[h.Name]; twice && s.err == nil {
				s.err = fmt.Errorf("runtime: two handlers are registered for %s", h.Name)
			}
			for _, around := range slices.Backward(s.Middleware) {
				h = around(h)
			}
			s.methods[h.Name] = h
			service, _, _ := strings.Cut(h.Name, "/")
			s.services[service] = true
		}
		defaults, err := defaultFormats(slices.Sorted(maps.Keys(s.methods)))
		s.defaults, s.err = defaults, cmp.Or(s.err, err)
	})
	return s.err
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

// Serve serves the connections that the listeners accept until ctx ends: then it accepts no further connection and no
// further call, waits for the running calls until DrainTimeout, cancels those that still run, and returns nil. It owns
// the listeners. An error says why the server could not start, or which listener failed.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	if err := s.prepare(); err != nil {
		closeAll(listeners)
		return err
	}
	a := newAcceptor(s)
	s.state.enter(Serving)
	return a.run(ctx, listeners)
}

// dispatcher is the server as formats see it.
type dispatcher struct{ *Server }

// ServeCall implements codec.Handler.
func (d dispatcher) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	h, err := d.find(call)
	var last any
	if err == nil {
		last, err = d.serve(ctx, h, call, r)
	}
	if err := r.Finish(last, err); err != nil && ctx.Err() == nil {
		d.log().Warn("a call could not be answered", "method", call.Method, "peer", call.Peer, "err", err)
	}
}

// find returns the handler of the method that is called.
func (d dispatcher) find(call *codec.Call) (Handler, error) {
	h, ok := d.methods[call.Method]
	switch service, method, _ := strings.Cut(call.Method, "/"); {
	case !ok && !d.services[service]:
		return h, codec.NotServed(status.Errorf(status.Unimplemented, "service %q is not served here", service))
	case !ok:
		return h, codec.NotServed(status.Errorf(status.Unimplemented, "service %s has no method %q", service, method))
	case call.Kind != codec.AnyKind && (call.Kind == codec.Unary) != (h.Kind == codec.Unary):
		return h, status.Errorf(status.Unimplemented, "%s is a %s method, and was called as a %s one", h.Name, h.Kind, call.Kind)
	case call.NoSideEffects && h.Idempotency != NoSideEffects:
		return h, status.Errorf(status.Unimplemented, "%s can have side effects, and cannot be called by GET", h.Name)
	}
	return h, nil
}

// serve runs a handler. A panic becomes an Internal error that tells the peer nothing else.
func (d dispatcher) serve(ctx context.Context, h Handler, call *codec.Call, r codec.Responder) (last any, err error) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			d.log().Error("a handler panicked", "method", h.Name, "panic", p, "stack", string(debug.Stack()))
			last, err = nil, status.Errorf(status.Internal, "the handler panicked")
		} else if !returned { // its goroutine ends, as with t.Fatal
			_ = r.Finish(nil, status.Errorf(status.Internal, "the handler did not return"))
		}
	}()
	last, err = h.Serve(&serving{ctx, call, r}, r)
	if err != nil {
		last = nil
		if e := status.From(err); e == nil || e.Code == status.OK { // here, where an error that panics does no harm
			err = status.Errorf(status.Internal, "the handler returned an error with code ok, or a nil *status.Error")
		} else {
			err = e
		}
	}
	returned = true
	return last, err
}

// config is what formats are given.
func (s *Server) config() codec.Config {
	cfg := codec.Config{Codecs: s.Codecs, Compression: s.Compression, Limits: s.Limits, Log: s.log()}
	if cfg.Codecs == nil {
		cfg.Codecs = defaultCodecs()
	}
	if cfg.Compression.Accept == nil {
		cfg.Compression.Accept = s.compressors
	}
	return cfg
}

func (s *Server) formats() []codec.Format {
	if s.Formats == nil {
		return s.defaults
	}
	return s.Formats
}
