package main_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// slowForm begins a post and does not end it. It returns once the portal reads
// the form: it says 100 then (RFC 9110, section 10.1.1), not before.
func slowForm(t *testing.T, address string) (what string, release func()) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	const path = "/entra"
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n", path, address); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 100 ") {
		t.Fatalf("the portal does not read the form: %q, %v", answer, err)
	}
	return "POST " + path, func() { _ = conn.Close() }
}
