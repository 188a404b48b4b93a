SELECT item, seen, last_day
FROM
(
SELECT name AS item, sum(r_day.events) AS seen, max(day) AS last_day
FROM r_day
WHERE project_id = {project:String}
    AND positionCaseInsensitiveUTF8(name, {v0:String}) > 0
GROUP BY item
)
ORDER BY positionCaseInsensitiveUTF8(item, {v0:String}) = 1 DESC, seen DESC, item
LIMIT {v1:UInt32};
