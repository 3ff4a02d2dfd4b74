/* SPDX-License-Identifier: MIT */
/* Includes all headers of libmiost. */
#ifndef MIOST_H
#define MIOST_H

#include <miost/event.h>
#include <miost/poll.h>
#include <miost/queue.h>
#include <miost/timers.h>
#include <miost/version.h>

#if MIOST_WITH_OS
#include <miost/net.h>
#include <miost/os.h>
#include <miost/process.h>
#include <miost/signals.h>
#include <miost/unix.h>
#include <miost/waker.h>
#endif

#endif
