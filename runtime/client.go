package runtime

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/compress"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/selector"
	"github.com/protomicro/micro/transport"
)

// A Client makes calls to the instances of a service: to fixed addresses, or to those that a Resolver finds. It keeps one
// connection to each instance it uses. A call that certainly reached no handler is tried on up to two further instances;
// any other failure is the caller's. Its fields must not be changed once it is in use. It is safe for concurrent use.
type Client struct {
	Addrs      []string              // where the service answers: "tcp://10.0.0.7:8080", "https://api.example.com"
	Resolver   registry.Resolver     // finds the instances of Service, if Addrs is empty
	Service    string                // the name under which the service is registered
	Selector   selector.Selector     // chooses the instance for each call, and belongs to this client; default round robin
	Format     codec.Format          // default: Connect for http:// and https:// addresses, PROTO-RPC for others
	Codec      codec.Codec           // default: proto
	Transports []transport.Transport // for further schemes; tcp, tls, unix, http, h2c and https are always there
	TLS        *tls.Config           // for all connections if set; tls:// and https:// use TLS in any case
	HTTP       http.RoundTripper     // makes the requests of formats over HTTP; default: on connections of the client
	Timeout    time.Duration         // of unary calls whose context has no deadline; default none
	Middleware []func(Conn) Conn     // around every call; the first is the outermost
	Limits     codec.Limits          // what one peer can make the client hold; the zero value is safe

	Compression codec.Compression // of messages over HTTP; by default requests are not compressed

	once  sync.Once
	inner *caller // what Middleware is around
	outer Conn
	onEnd func() error // what a client of Local has to end

	compressors codec.Compressors // the default ones, which keep buffers
}

const attempts = 3 // at most, for a call that certainly reached no handler

func (c *Client) init() {
	c.once.Do(func() {
		c.compressors = compress.All()
		c.inner = newCaller(c)
		c.outer = c.inner
		for _, around := range slices.Backward(c.Middleware) {
			c.outer = around(c.outer)
		}
	})
}

// Invoke makes a unary call. Generated code calls it.
func (c *Client) Invoke(ctx context.Context, m *Method, req, res any) error {
	c.init()
	return c.outer.Invoke(ctx, m, req, res)
}

// Open starts a call of another kind. Generated code calls it.
func (c *Client) Open(ctx context.Context, m *Method, kind codec.Kind) (RawStream, error) {
	c.init()
	return c.outer.Open(ctx, m, kind)
}

// Close cancels the calls that run, closes all connections and waits until they have ended.
func (c *Client) Close() error {
	c.init()
	c.inner.close()
	if c.onEnd != nil {
		return c.onEnd()
	}
	return nil
}
