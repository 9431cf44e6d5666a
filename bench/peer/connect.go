package peer

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/protomicro/micro/bench/benchv1"
	"github.com/protomicro/micro/bench/benchv1/benchv1connect"
)

// h2c is HTTP/2 without TLS, and nothing else.
func h2c() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// connect-go compresses every answer, however small. Both sides turn that off, so that all peers do the same work.

func serveConnect(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle(benchv1connect.NewEchoHandler(connectServer{}, connect.WithCompression("gzip", nil, nil)))
	server := &http.Server{
		Handler:           mux,
		Protocols:         h2c(),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: MostCalls},
		ReadHeaderTimeout: 10 * time.Second,
	}
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { wg.Go(func() { _ = server.Close() }) })
	err := server.Serve(l)
	if !stop() {
		wg.Wait()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

type connectServer struct{}

func (connectServer) Call(_ context.Context, req *connect.Request[benchv1.Payload]) (*connect.Response[benchv1.Payload], error) {
	return connect.NewResponse(req.Msg), nil
}

func (connectServer) Down(
	_ context.Context, req *connect.Request[benchv1.DownRequest], s *connect.ServerStream[benchv1.Payload],
) error {
	msg := payload(req.Msg)
	for range req.Msg.GetPayloads() {
		if err := s.Send(msg); err != nil {
			return err
		}
	}
	return nil
}

func (connectServer) Chat(_ context.Context, s *connect.BidiStream[benchv1.Payload, benchv1.Payload]) error {
	for {
		msg, err := s.Receive()
		if err == nil {
			err = s.Send(msg)
		}
		if err != nil {
			return end(err)
		}
	}
}

type connectClient struct {
	transport *http.Transport
	echo      benchv1connect.EchoClient
}

func dialConnect(addr string) (Echo, error) {
	transport := &http.Transport{Protocols: h2c()}
	client := &http.Client{Transport: transport}
	echo := benchv1connect.NewEchoClient(client, "http://"+addr, connect.WithAcceptCompression("gzip", nil, nil))
	return &connectClient{transport, echo}, nil
}

func (c *connectClient) Call(ctx context.Context, req *benchv1.Payload) (*benchv1.Payload, error) {
	res, err := c.echo.Call(ctx, connect.NewRequest(req))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

func (c *connectClient) Down(ctx context.Context, req *benchv1.DownRequest) iter.Seq2[*benchv1.Payload, error] {
	return func(yield func(*benchv1.Payload, error) bool) {
		s, err := c.echo.Down(ctx, connect.NewRequest(req))
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = s.Close() }()
		for s.Receive() {
			if !yield(s.Msg(), nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(nil, err)
		}
	}
}

func (c *connectClient) Chat(ctx context.Context) (Chat, error) {
	return connectChat{c.echo.Chat(ctx)}, nil
}

func (c *connectClient) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

type connectChat struct {
	s *connect.BidiStreamForClient[benchv1.Payload, benchv1.Payload]
}

func (c connectChat) Send(msg *benchv1.Payload) error { return c.s.Send(msg) }

func (c connectChat) Recv() (*benchv1.Payload, error) {
	msg, err := c.s.Receive()
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return msg, err
}

func (c connectChat) Finish() error { return c.s.CloseRequest() }
