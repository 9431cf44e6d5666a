package peer

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"

	"github.com/protomicro/micro/bench/benchv1"
	"github.com/protomicro/micro/bench/benchv1/benchv1micro"
	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/runtime"
)

func serveMicro(ctx context.Context, l net.Listener) error {
	server := &runtime.Server{Limits: codec.Limits{Calls: MostCalls}}
	benchv1micro.RegisterEchoServer(server, microServer{})
	return server.Serve(ctx, l)
}

type microServer struct{}

func (microServer) Call(_ context.Context, req *benchv1.Payload) (*benchv1.Payload, error) {
	return req, nil
}

func (microServer) Down(_ context.Context, req *benchv1.DownRequest, s *runtime.Sender[benchv1.Payload]) error {
	msg := payload(req)
	for range req.GetPayloads() {
		if err := s.Send(msg); err != nil {
			return err
		}
	}
	return nil
}

func (microServer) Chat(_ context.Context, s *runtime.Stream[benchv1.Payload, benchv1.Payload]) error {
	for msg, err := range s.All() {
		if err == nil {
			err = s.Send(msg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type microClient struct {
	client *runtime.Client
	echo   *benchv1micro.EchoClient
}

func dialMicro(addr string) (Echo, error) {
	client := &runtime.Client{Addrs: []string{"tcp://" + addr}}
	return &microClient{client, benchv1micro.NewEchoClient(client)}, nil
}

func (c *microClient) Call(ctx context.Context, req *benchv1.Payload) (*benchv1.Payload, error) {
	return c.echo.Call(ctx, req)
}

func (c *microClient) Down(ctx context.Context, req *benchv1.DownRequest) iter.Seq2[*benchv1.Payload, error] {
	s, err := c.echo.Down(ctx, req)
	if err != nil {
		return func(yield func(*benchv1.Payload, error) bool) { yield(nil, err) }
	}
	return s.All()
}

func (c *microClient) Chat(ctx context.Context) (Chat, error) {
	s, err := c.echo.Chat(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *microClient) Close() error { return c.client.Close() }

// end is the end of a stream that a client receives from: io.EOF is a good one, and no error.
func end(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
