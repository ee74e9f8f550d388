package servers

import "syscall"

// endWithParent makes the kernel end a server whose tests were killed before they could.
func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	attr.Pdeathsig = syscall.SIGKILL
	return attr
}
