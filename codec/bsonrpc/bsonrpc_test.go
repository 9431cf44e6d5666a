package bsonrpc_test

import (
	"testing"

	"github.com/protomicro/micro/codec/bsoncodec"
	"github.com/protomicro/micro/codec/bsonrpc"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/internal/objectrpc/objectrpctest"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/tcptransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestFormat_Mem(t *testing.T) {
	codectest.RunFormat(t, objectrpctest.Format(bsonrpc.Format{}, bsoncodec.Codec{}, memtransport.New(), "name", false))
}

func TestFormat_TCP(t *testing.T) {
	codectest.RunFormat(t, objectrpctest.Format(bsonrpc.Format{}, bsoncodec.Codec{}, tcptransport.Transport{}, "127.0.0.1:0", true))
}
