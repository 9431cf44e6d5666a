package runtime

import (
	"context"
	"net/http"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

// ServeHTTP serves the server's HTTP formats, so that a Server can be mounted in any other HTTP server. The path is
// "/" and the name of the method.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.prepare(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if s.cors != nil {
		if s.cors.HandlerFunc(w, r); preflight(r) {
			return
		}
	}
	httptransport.Serve(w, r, func(ctx context.Context, x transport.Exchange) {
		for _, f := range s.formats() {
			if format, ok := f.(codec.HTTPFormat); ok && format.Match(x.Request()) {
				format.Serve(ctx, x, dispatcher{s}, s.config())
				return
			}
		}
		refuse(x)
	})
}

// refuse answers a request that is no call in any format of the server.
func refuse(x transport.Exchange) {
	text := "no RPC format is served here for a " + x.Request().Method + " request with content type \"" +
		x.Request().Header.Get("Content-Type") + "\"; POST with application/json or application/proto, for example\n"
	header := transport.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}
	if err := x.Respond(http.StatusUnsupportedMediaType, header); err == nil {
		_, _ = x.Write([]byte(text))
	}
}

func newHTTPServer(s *Server, limits codec.Limits) *httptransport.Server {
	return &httptransport.Server{Handler: s, Limits: httpLimits(limits), Log: s.log()}
}

// httpLimits returns the part of the limits that HTTP itself observes.
func httpLimits(l codec.Limits) httptransport.Limits {
	return httptransport.Limits{
		HeaderBytes: l.HeaderBytes, Calls: l.Calls, HandshakeTimeout: l.HandshakeTimeout, IdleTimeout: l.IdleTimeout,
		PingInterval: l.PingInterval, PingTimeout: l.PingTimeout, WriteTimeout: l.WriteTimeout,
	}
}
