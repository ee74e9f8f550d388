//go:build !linux

package servers

import "syscall"

func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }
