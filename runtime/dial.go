package runtime

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/bsoncodec"
	"github.com/protomicro/micro/codec/bsonrpc"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/codec/msgpackcodec"
	"github.com/protomicro/micro/codec/msgpackrpc"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/codec/restformat"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
	"github.com/protomicro/micro/transport/tcptransport"
	"github.com/protomicro/micro/transport/unixtransport"
)

// This file is where the parts that come by default are wired. A further format or codec is one line here.

// defaultFormats returns the formats of a server with the given methods, those first that look at a request more closely.
func defaultFormats(methods []string) ([]codec.Format, error) {
	formats := []codec.Format{
		protorpc.Format{}, jsonrpc.Format{}, bsonrpc.Format{}, msgpackrpc.Format{}, // on pipes
		grpcformat.Format{}, grpcformat.Web{}, jsonrpc.HTTP{}, connectformat.Format{}, // over HTTP
	}
	rest, err := restformat.New(nil, methods)
	if rest != nil {
		formats = append([]codec.Format{rest}, formats...)
	}
	return formats, err
}

func defaultCodecs() codec.Codecs {
	return codec.Codecs{protocodec.Codec{}, jsoncodec.Codec{}, msgpackcodec.Codec{}, bsoncodec.Codec{}}
}

func defaultTransports() []transport.Transport {
	return []transport.Transport{tcptransport.Transport{}, unixtransport.Transport{}}
}

// A target is what the scheme of an address stands for.
type target struct {
	transport transport.Transport // nil if the scheme is not known
	format    codec.Format
	tls       bool
	http1     bool   // HTTP formats use HTTP/1.1, unless TLS agrees on HTTP/2 or the format needs it
	port      string // if the address has none
}

// target returns what scheme stands for.
func (c *Client) target(scheme string) target {
	t := target{format: protorpc.Format{}, tls: c.TLS != nil}
	switch scheme {
	case "tls":
		scheme, t.tls = "tcp", true
	case "http":
		scheme, t.format, t.http1, t.port = "tcp", connectformat.Format{}, true, "80"
	case "h2c":
		scheme, t.format, t.port = "tcp", connectformat.Format{}, "80"
	case "https":
		scheme, t.format, t.tls, t.port = "tcp", connectformat.Format{}, true, "443"
	}
	if c.Format != nil {
		t.format = c.Format
	}
	if _, ok := t.format.(grpcformat.Format); ok {
		t.http1 = false
	}
	t.transport = find(c.Transports, scheme)
	return t
}

// find returns the transport for scheme, or nil. Those of the user come first.
func find(own []transport.Transport, scheme string) transport.Transport {
	for _, list := range [][]transport.Transport{own, defaultTransports()} {
		for _, tr := range list {
			if tr.Scheme() == scheme {
				return tr
			}
		}
	}
	return nil
}

// dial connects to addr, in the client's format.
func (c *Client) dial(ctx context.Context, addr string) (codec.Conn, error) {
	scheme, rest, _ := strings.Cut(addr, "://")
	t := c.target(scheme)
	if t.port != "" {
		rest = strings.TrimSuffix(rest, "/")
		if _, _, err := net.SplitHostPort(rest); err != nil {
			rest = net.JoinHostPort(strings.Trim(rest, "[]"), t.port)
		}
	}
	cfg := codec.Config{Compression: c.Compression, Limits: c.Limits}
	if cfg.Compression.Accept == nil {
		cfg.Compression.Accept = c.compressors
	}
	switch format := t.format.(type) {
	case codec.PipeFormat:
		nc, err := t.transport.Dial(ctx, rest)
		if err != nil {
			return nil, err
		}
		if t.tls {
			if nc, err = c.startTLS(ctx, nc, rest); err != nil {
				return nil, err
			}
		}
		return format.Dial(ctx, nc, cfg)
	case codec.HTTPFormat:
		return format.Dial(c.roundTripper(t, rest), cfg), nil
	}
	return nil, fmt.Errorf("runtime: format %q is neither one for pipes nor one for HTTP", t.format.Name())
}

// startTLS secures nc, and closes it if that fails.
func (c *Client) startTLS(ctx context.Context, nc net.Conn, addr string) (net.Conn, error) {
	tc, err := transport.ClientTLS(ctx, nc, addr, c.TLS)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return tc, nil
}

func (c *Client) roundTripper(t target, addr string) transport.RoundTripper {
	host := addr
	if t.transport.Scheme() != "tcp" { // the address is no name that a request could have
		host = "localhost"
	}
	rt := &httptransport.Client{
		Dial:  func(ctx context.Context) (net.Conn, error) { return t.transport.Dial(ctx, addr) },
		Host:  host,
		HTTP2: !t.http1,

		Limits:       httpLimits(c.Limits.WithDefaults()),
		RoundTripper: c.HTTP,
	}
	if t.tls {
		rt.TLS = c.TLS
		if rt.TLS == nil {
			rt.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	return rt
}
