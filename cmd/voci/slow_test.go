package main_test

import (
	"fmt"
	"net"
	"testing"
)

// slowForm begins a post and does not end it.
func slowForm(t *testing.T, address string) (what string, release func()) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	const path = "/entra"
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nemail=", path, address); err != nil {
		t.Fatal(err)
	}
	return "POST " + path, func() { _ = conn.Close() }
}
