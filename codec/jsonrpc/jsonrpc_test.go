package jsonrpc_test

import (
	"testing"

	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/internal/objectrpc/objectrpctest"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/tcptransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestFormat_Mem(t *testing.T) {
	codectest.RunFormat(t, objectrpctest.Format(jsonrpc.Format{}, jsoncodec.Codec{}, memtransport.New(), "name", false))
}

func TestFormat_TCP(t *testing.T) {
	codectest.RunFormat(t, objectrpctest.Format(jsonrpc.Format{}, jsoncodec.Codec{}, tcptransport.Transport{}, "127.0.0.1:0", true))
}
