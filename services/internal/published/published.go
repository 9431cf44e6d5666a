// Package published gives services of this repository the names under which others have published them.
//
// Their protos stand in packages of their own, below "protomicro.", because a program that links two definitions of one
// message does not start. On the wire they have the published names.
package published

import (
	"context"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/runtime"
)

// Handlers returns the handlers that register, which is generated code, adds to a server, under their published names.
func Handlers(register func(*runtime.Server)) []runtime.Handler {
	var handlers []runtime.Handler
	collector := &runtime.Server{Middleware: []func(runtime.Handler) runtime.Handler{
		func(h runtime.Handler) runtime.Handler {
			h.Method = method(h.Method)
			handlers = append(handlers, h)
			return h
		},
	}}
	register(collector)
	collector.Services() // puts the middleware around each handler
	return handlers
}

// Conn returns a Conn that makes the calls of generated code through conn, under the published names of the methods.
func Conn(conn runtime.Conn) runtime.Conn { return renaming{conn} }

type renaming struct{ conn runtime.Conn }

func (r renaming) Invoke(ctx context.Context, m *runtime.Method, req, res any) error {
	return r.conn.Invoke(ctx, method(m), req, res)
}

func (r renaming) Open(ctx context.Context, m *runtime.Method, kind codec.Kind) (runtime.RawStream, error) {
	return r.conn.Open(ctx, method(m), kind)
}

func method(m *runtime.Method) *runtime.Method {
	renamed := *m
	renamed.Name = strings.TrimPrefix(m.Name, "protomicro.")
	return &renamed
}
