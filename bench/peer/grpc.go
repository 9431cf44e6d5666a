package peer

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/protomicro/micro/bench/benchv1"
)

func serveGRPC(ctx context.Context, l net.Listener) error {
	server := grpc.NewServer(grpc.MaxConcurrentStreams(MostCalls))
	benchv1.RegisterEchoServer(server, grpcServer{})
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	err := server.Serve(l)
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

type grpcServer struct {
	benchv1.UnimplementedEchoServer
}

func (grpcServer) Call(_ context.Context, req *benchv1.Payload) (*benchv1.Payload, error) {
	return req, nil
}

func (grpcServer) Down(req *benchv1.DownRequest, s grpc.ServerStreamingServer[benchv1.Payload]) error {
	msg := payload(req)
	for range req.GetPayloads() {
		if err := s.Send(msg); err != nil {
			return err
		}
	}
	return nil
}

func (grpcServer) Chat(s grpc.BidiStreamingServer[benchv1.Payload, benchv1.Payload]) error {
	for {
		msg, err := s.Recv()
		if err == nil {
			err = s.Send(msg)
		}
		if err != nil {
			return end(err)
		}
	}
}

type grpcClient struct {
	conn *grpc.ClientConn
	echo benchv1.EchoClient
}

func dialGRPC(addr string) (Echo, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &grpcClient{conn, benchv1.NewEchoClient(conn)}, nil
}

func (c *grpcClient) Call(ctx context.Context, req *benchv1.Payload) (*benchv1.Payload, error) {
	return c.echo.Call(ctx, req)
}

func (c *grpcClient) Down(ctx context.Context, req *benchv1.DownRequest) iter.Seq2[*benchv1.Payload, error] {
	return func(yield func(*benchv1.Payload, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s, err := c.echo.Down(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			msg, err := s.Recv()
			if err == io.EOF || !yield(msg, err) || err != nil {
				return
			}
		}
	}
}

func (c *grpcClient) Chat(ctx context.Context) (Chat, error) {
	s, err := c.echo.Chat(ctx)
	if err != nil {
		return nil, err
	}
	return grpcChat{s}, nil
}

func (c *grpcClient) Close() error { return c.conn.Close() }

type grpcChat struct {
	grpc.BidiStreamingClient[benchv1.Payload, benchv1.Payload]
}

func (c grpcChat) Finish() error { return c.CloseSend() }
