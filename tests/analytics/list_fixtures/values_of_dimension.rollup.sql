SELECT item, seen, last_day
FROM
(
SELECT value AS item, sum(r_dim.sessions) + sum(r_dim.views) AS seen, max(day) AS last_day
FROM r_dim
WHERE project_id = {project:String} AND dimension = {v1:String} AND value != ''
    AND positionCaseInsensitiveUTF8(value, {v0:String}) > 0
GROUP BY item
)
ORDER BY positionCaseInsensitiveUTF8(item, {v0:String}) = 1 DESC, seen DESC, item
LIMIT {v2:UInt32};
