package peer_test

import (
	"context"
	"testing"

	"github.com/protomicro/micro/bench/benchv1"
	"github.com/protomicro/micro/bench/benchv1/benchv1micro"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/runtime"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func BenchmarkLocal_Unary(b *testing.B) {
	client := local(b)
	req := &benchv1.Payload{Body: make([]byte, 100)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Call(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// Many callers share the one connection.
func BenchmarkLocal_UnaryParallel(b *testing.B) {
	client := local(b)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		req := &benchv1.Payload{Body: make([]byte, 100)}
		for pb.Next() {
			if _, err := client.Call(b.Context(), req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// local returns a client of a server in this process.
func local(b *testing.B) *benchv1micro.EchoClient {
	b.Helper()
	server := new(runtime.Server)
	benchv1micro.RegisterEchoServer(server, echo{})
	client := runtime.Local(server)
	b.Cleanup(func() {
		if err := client.Close(); err != nil {
			b.Error(err)
		}
	})
	return benchv1micro.NewEchoClient(client)
}

// echo implements what is measured.
type echo struct{ benchv1micro.EchoServer }

func (echo) Call(_ context.Context, req *benchv1.Payload) (*benchv1.Payload, error) { return req, nil }
