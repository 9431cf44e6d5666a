package restformat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// Format is the [codec.HTTPFormat] called "rest". It is safe for concurrent use. Its messages are encoded by the codec
// called "json".
type Format struct {
	routes  router
	methods map[string]bool // paths that RPC formats use, without the slash
}

// Descriptors finds descriptors by name. protoregistry.GlobalFiles is one.
type Descriptors interface {
	FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error)
}

// New returns the format that serves those of the methods, "weather.v1.Weather/Get", which have an annotation, and nil if
// none has. The descriptors are those of protoregistry.GlobalFiles if descs is nil; methods that it does not know are
// passed over. It is an error if an annotation is not valid, or if two stand for the same HTTP method and path.
func New(descs Descriptors, methods []string) (*Format, error) {
	if descs == nil {
		descs = protoregistry.GlobalFiles
	}
	f := &Format{methods: make(map[string]bool, len(methods))}
	for _, name := range methods {
		f.methods[name] = true
		desc, err := descs.FindDescriptorByName(protoreflect.FullName(strings.Replace(name, "/", ".", 1)))
		if errors.Is(err, protoregistry.NotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("restformat: find %s: %w", name, err)
		}
		if method, ok := desc.(protoreflect.MethodDescriptor); ok {
			if err := f.bind(name, method); err != nil {
				return nil, fmt.Errorf("restformat: %s: %w", name, err)
			}
		}
	}
	if f.routes.empty() {
		return nil, nil
	}
	return f, nil
}

// bind adds what the annotation of a method says, if it has one.
func (f *Format) bind(name string, method protoreflect.MethodDescriptor) error {
	rules, err := rulesOf(method)
	if err != nil {
		return err
	}
	for _, r := range rules {
		b, err := newBinding(name, method, r)
		if err != nil {
			return err
		}
		if err := f.routes.add(b); err != nil {
			return err
		}
	}
	return nil
}

// Name returns "rest".
func (*Format) Name() string { return "rest" }

// Match tells whether the path of req is that of an annotation, whatever the HTTP method is: one that is not bound is
// answered with 405. A request that is a call of an RPC format by its content type, or by its path and content type, is
// left to that format.
func (f *Format) Match(req *transport.Request) bool {
	t := mediaType(req.Header)
	if strings.HasPrefix(t, "application/grpc") || strings.HasPrefix(t, "application/connect+") {
		return false
	}
	if name, rooted := strings.CutPrefix(req.Path, "/"); rooted && f.methods[name] && looksLikeRPC(t, req) {
		return false
	}
	for range f.routes.matches(req.Path) {
		return true
	}
	return false
}

func looksLikeRPC(mediaType string, req *transport.Request) bool {
	return strings.HasPrefix(mediaType, "application/") ||
		strings.Contains(req.Query, "encoding=") && strings.Contains(req.Query, "message=") // Connect's calls by GET
}

// Dial returns a Conn that makes no calls: every Open is Unimplemented. REST is for clients that are not ours.
func (*Format) Dial(rt transport.RoundTripper, _ codec.Config) codec.Conn {
	return &conn{rt: rt, done: make(chan struct{})}
}

type conn struct {
	rt   transport.RoundTripper
	done chan struct{}
	once sync.Once
}

func (*conn) Open(context.Context, *codec.Call) (codec.Stream, error) {
	return nil, status.Errorf(status.Unimplemented, "rest is served, and not called")
}

func (c *conn) Done() <-chan struct{} { return c.done }

func (c *conn) Close() (err error) {
	c.once.Do(func() {
		close(c.done)
		err = c.rt.Close()
	})
	return err
}
