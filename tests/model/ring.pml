/*
 * The protocol of notifications between the two sides of a ring (ring/ring.h), each store and load a step
 * of its own, in every order that there is: does a side ever sleep for ever while there is work for it?
 *
 * Indexes run modulo MODULUS, a small 2^32. The front end asks N requests; whoever finds nothing to do
 * stores its event index, looks once more, and sleeps until its semaphore (the event channel's pending
 * bit, which does not count) is set. The program tests/model/run lets spin look for states without a way
 * on (a lost wake-up is one) and for broken assertions, and then for the same in a mutated model, where
 * they must be found.
 */
#ifndef SIZE
#define SIZE 2
#endif
#ifndef N
#define N 5
#endif
#define MODULUS 8
#define LESS(a, b) (((a) + MODULUS - (b)) % MODULUS)

byte req_prod, rsp_prod;
byte req_event = 1, rsp_event = 1;
bool pending_back, pending_front; /* the event channel's two ends */

/* new - event < new - old, as the ABI says */
#define ASKED(new, old, event) (LESS(new, event) < LESS(new, old))

proctype front()
{
    byte produced, consumed, published, asked, answered, event;

    do
    :: answered == N -> break
    :: else ->
        /* some more requests, one at least if there is room */
        do
        :: asked < N && LESS(produced, consumed) < SIZE ->
            produced = (produced + 1) % MODULUS; asked++
        :: asked == N || LESS(produced, consumed) == SIZE || produced != published -> break
        od;
        req_prod = produced;
        event = req_event;
        if
        :: ASKED(produced, published, event) -> pending_back = true
        :: else
        fi;
        published = produced;
        do
        :: consumed != rsp_prod ->
            assert(LESS(rsp_prod, consumed) <= SIZE);
            consumed = (consumed + 1) % MODULUS; answered++
        :: else -> break
        od;
        if
        :: answered < N && (asked == N || LESS(produced, consumed) == SIZE) ->
#ifdef LOOK_FIRST
            if
            :: consumed == rsp_prod -> rsp_event = (consumed + 1) % MODULUS;
                pending_front -> pending_front = false
            :: else
            fi
#else
            rsp_event = (consumed + 1) % MODULUS;
            if
            :: consumed == rsp_prod -> pending_front -> pending_front = false /* sleeps */
            :: else
            fi
#endif
        :: else
        fi
    od
}

proctype back()
{
    byte produced, consumed, published, served, event;

    do
    :: served == N && published == produced -> break
    :: else ->
        do
        :: consumed != req_prod ->
            assert(LESS(req_prod, produced) <= SIZE);
            consumed = (consumed + 1) % MODULUS;
            produced = (produced + 1) % MODULUS; served++
        :: else -> break
        :: produced != published -> break /* tells of what it has so far */
        od;
#ifdef EVENT_BEFORE_INDEX
        event = rsp_event;
        rsp_prod = produced;
#else
        rsp_prod = produced;
        event = rsp_event;
#endif
        if
        :: ASKED(produced, published, event) -> pending_front = true
        :: else
        fi;
        published = produced;
        if
        :: served < N ->
            req_event = (consumed + 1) % MODULUS;
            if
            :: consumed == req_prod -> pending_back -> pending_back = false /* sleeps */
            :: else
            fi
        :: else
        fi
    od
}

init
{
    run front();
    run back()
}
