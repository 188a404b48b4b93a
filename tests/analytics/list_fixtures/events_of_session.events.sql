WITH
(
SELECT if(count() = 0, toDate('2149-06-06'), min(ends.day))
FROM
(
SELECT toDate(seen.created_at) AS day
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND seen.session_id = {v0:UInt64}
ORDER BY toDate(seen.created_at) DESC
LIMIT {reach:UInt64}
) AS ends
) AS earliest
SELECT
    seen.event_id AS event_id,
    seen.name AS name,
    seen.device_id AS device_id,
    seen.device_ref AS device_ref,
    seen.session_id AS session_id,
    seen.session_started_at AS session_started_at,
    seen.person AS person,
    seen.profile_id AS profile_id,
    seen.created_at AS created_at,
    seen.groups AS groups,
    seen.path AS path,
    seen.origin AS origin,
    seen.title AS title,
    seen.referrer AS referrer,
    seen.referrer_name AS referrer_name,
    seen.referrer_type AS referrer_type,
    seen.utm_source AS utm_source,
    seen.utm_medium AS utm_medium,
    seen.utm_campaign AS utm_campaign,
    seen.utm_term AS utm_term,
    seen.utm_content AS utm_content,
    seen.revenue AS revenue,
    seen.duration AS duration,
    seen.country AS country,
    seen.region AS region,
    seen.city AS city,
    seen.longitude AS longitude,
    seen.latitude AS latitude,
    seen.os AS os,
    seen.os_version AS os_version,
    seen.browser AS browser,
    seen.browser_version AS browser_version,
    seen.device AS device,
    seen.brand AS brand,
    seen.model AS model,
    seen.sdk_name AS sdk_name,
    seen.sdk_version AS sdk_version,
    seen.properties AS properties,
    seen.imported_at AS imported_at,
    seen.received_at AS received_at
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND seen.session_id = {v0:UInt64}
    AND toDate(seen.created_at) >= earliest
ORDER BY toDate(seen.created_at) DESC, seen.created_at DESC, seen.event_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64};
