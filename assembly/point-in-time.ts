/**
 * For each query the place of the latest history row before its time (`hi − 1` of its bounds), or −1: there is none, or it
 * is older than `t − ttl` by its own time (`times`; 0: there is no ttl).
 */
export function latestBefore(queries: i32, queryTimes: usize, found: usize, bounds: usize, stride: i32, times: usize, ttl: i64, places: usize): void {
  for (let query: usize = 0; query < <usize>queries; query++) {
    const bound = bounds + query * ((<usize>stride) << 2);
    const hi = load<i32>(bound),
      from = load<i32>(bound, 4);
    let place = load<i32>(found + (query << 2)) >= 0 && hi > from ? hi - 1 : -1;
    if (place >= 0 && times != 0) {
      const time = load<i64>(queryTimes + (query << 3));
      const oldest = time < i64.MIN_VALUE + ttl ? i64.MIN_VALUE : time - ttl;
      if (load<i64>(times + ((<usize>place) << 3)) < oldest) place = -1;
    }
    store<i32>(places + (query << 2), place);
  }
}

/** The values (and their validity bytes) at the places; not valid where there is none. */
export function gather(queries: i32, places: usize, values: usize, valuesValid: usize, out: usize, valid: usize): void {
  for (let query: usize = 0; query < <usize>queries; query++) {
    const place = load<i32>(places + (query << 2));
    const some = place >= 0 && (valuesValid == 0 || load<u8>(valuesValid + <usize>place) != 0);
    store<u8>(valid + query, <u8>some);
    store<i64>(out + (query << 3), some ? load<i64>(values + ((<usize>place) << 3)) : 0);
  }
}
